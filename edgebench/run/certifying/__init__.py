"""The parts of ``edgebench certify``: who is examined (subject), what is asked, and how it is scored (scoring)."""
