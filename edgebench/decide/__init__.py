"""Numbers into choices: the front, the SLO verdicts, paired comparisons, and advice that says what would change it."""
