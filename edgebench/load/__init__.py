"""WHEN IT IS SENT: the clock, how requests arrive, when to stop."""
