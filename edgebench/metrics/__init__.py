"""Records into numbers: every estimate is a pure function of a stored run, a price list and device profiles."""
