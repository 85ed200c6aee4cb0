"""WHAT IS SENSED BESIDE: memory of the target's processes, CPU used by others, the machine itself.

A quantity the system cannot give is not there; it is never zero.
"""
