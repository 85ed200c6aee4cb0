"""The speed of EdgeBench itself, side by side in one run with what it stands on. Not part of the tests.

``make bench`` runs all and rewrites ``RESULTS.md``; ``python -m benchmarks decode`` runs one.
Machines are noisy: read the ratios, which are taken in one run with the two sides alternating.
"""
