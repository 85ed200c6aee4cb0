"""Device profiles: what a device costs to own and to run, and how fast its memory is.

A profile is a YAML file on the ``devices`` shelf (shipped, or one's own in ``~/.config/edgebench/devices``) of sourced
figures, see :mod:`edgebench.sourced`.
"""

from __future__ import annotations

from edgebench import sourced
from edgebench.sourced import Bounds

#: name → (unit, least, most): what a profile must or may say, and between which bounds it makes sense
FIGURES: Bounds = {
    "price_usd": ("$", "0", "1e6"),
    "residual_fraction": ("of the price, when it is retired", "0", "1"),
    "maintenance_fraction": ("of the price, over its life", "0", "10"),
    "lifetime_years": ("years", "0.01", "50"),
    "duty_cycle": ("of the time busy", "0.0001", "1"),
    "idle_w": ("W at the wall", "0", "1e5"),
    "active_w": ("W at the wall", "0", "1e5"),
    "kwh_usd": ("$/kWh", "0", "100"),
    "ops_usd_per_month": ("$/month", "0", "1e6"),
    "ram_gib": ("GiB", "0", "1e5"),
}
OPTIONAL = frozenset({"ops_usd_per_month", "ram_gib"})

DeviceProfile = sourced.Profile


def load_device(name: str) -> DeviceProfile:
    """The profile of that name (or path).

    Raises
    ------
    UsageError: no such profile (with the nearest name).
    DataError: a figure without value, source, date or kind; an unknown or missing figure; a value out of bounds.
    """
    profile, _ = sourced.read_profile("devices", name, FIGURES, needed=frozenset(FIGURES) - OPTIONAL)
    return profile
