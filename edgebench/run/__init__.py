"""THE ONE ROOM WHERE ALL PARTS MEET: a plan is carried out, its answers are scored."""
