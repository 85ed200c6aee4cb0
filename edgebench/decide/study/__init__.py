"""Work as production sees it: how far the lab's numbers carry, and what goes wrong where."""

from edgebench.decide.study.whole import study

__all__ = ["study"]
