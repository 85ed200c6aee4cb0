"""WHAT IS SENSED BESIDE: memory of the target's processes, CPU used by others, the machine itself.

``memory.py`` reads the kernel's marks at the edges of phases, ``sampler.py`` looks in between from a process of its
own, ``host.py`` sees what else happened to the machine (``clocks.py``, ``throttling.py``), ``confined.py`` what a
memory limit counted. A quantity the system cannot give is not there; it is never zero.
"""
