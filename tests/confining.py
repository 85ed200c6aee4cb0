"""Whether this machine lets us make control groups, for tests that confine a process."""

from __future__ import annotations

import pytest

from edgebench.errors import UsageError
from edgebench.targets.confine import demand


def possible() -> bool:
    try:
        demand("1GiB")
    except UsageError:
        return False
    return True


confined = pytest.mark.skipif(not possible(), reason="no control group can be made here")
