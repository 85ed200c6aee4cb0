"""Device profiles: what a device costs to own and to run (or to rent), and how fast its memory is.

A profile is a YAML file on the ``devices`` shelf (shipped, or one's own in ``~/.config/edgebench/devices``) of sourced
figures, see :mod:`edgebench.sourced`. It is of a machine one owns (``OWNED`` must all be there) or of one rented by the
hour (``RENTED``), whose power and upkeep are in the rent. The rest is optional.

Published speeds carry the model in their name. Decoding reads every weight once a token, so tokens a second × the bytes
of the model's file (``PUBLISHED_DECODE``) is the bandwidth a machine reaches: what projections are fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgebench import sourced
from edgebench.errors import DataError
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
    "usd_per_hour": ("$/hour, rented by the second", "0.000001", "10000"),
    "ops_usd_per_month": ("$/month", "0", "1e6"),
    "ram_gib": ("GiB", "0", "1e5"),
    "cores": ("physical cores", "1", "10000"),
    "clock_ghz": ("GHz of a busy core", "0.1", "10"),
    "memory_gb_s": ("GB/s, the data sheet's peak", "0.1", "10000"),
    "memcpy_gb_s": ("GB/s copied, read + written", "0.1", "10000"),
    "read_gb_s": ("GB/s read", "0.1", "10000"),
    "llama32_3b_q4_tok_s": ("tok/s decoding Llama 3.2 3B Q4_K_M", "0.01", "10000"),
    "llama31_8b_q4_tok_s": ("tok/s decoding Llama 3.1 8B Q4_K_M", "0.01", "10000"),
    "llama31_8b_q4_prefill_tok_s": ("tok/s reading 512 tokens, Llama 3.1 8B Q4_K_M", "0.01", "100000"),
    "lfm25_1_2b_tok_s": ("tok/s decoding LFM2.5 1.2B", "0.01", "10000"),
}
RENTED = frozenset({"usd_per_hour", "duty_cycle"})
OWNED = frozenset({
    "price_usd", "residual_fraction", "maintenance_fraction", "lifetime_years", "duty_cycle", "idle_w", "active_w",
    "kwh_usd",
})  # fmt: skip
#: published decode speeds a profile may hold → bytes of the model's file, all of which every token reads
PUBLISHED_DECODE: Mapping[str, int] = {"llama32_3b_q4_tok_s": 2_019_377_696, "llama31_8b_q4_tok_s": 4_920_000_000}

DeviceProfile = sourced.Profile


def load_device(name: str) -> DeviceProfile:
    """The profile of that name (or path).

    Raises
    ------
    UsageError: no such profile (with the nearest name).
    DataError: a figure without value, source, date or kind; an unknown or missing figure; a value out of bounds; a
        machine both owned and rented, or that draws less when it is busy.
    """
    profile, _ = sourced.read_profile("devices", name, FIGURES, needed=RENTED & OWNED)
    rented = "usd_per_hour" in profile.figures
    if rented and (both := sorted((OWNED - RENTED) & profile.figures.keys())):
        raise DataError(
            f"device profile {name}: rented by the hour (usd_per_hour) and owned ({', '.join(both)})",
            hint="what a rented machine costs is its rent: leave the others out",
        )
    if missing := (RENTED if rented else OWNED) - profile.figures.keys():
        raise DataError(
            f"device profile {name}: {', '.join(sorted(missing))} is missing",
            hint="a rented machine has usd_per_hour instead" if "price_usd" in missing else None,
        )
    if not rented and profile["active_w"] < profile["idle_w"]:
        raise DataError(f"device profile {name}: active_w is below idle_w: it cannot draw less when it is busy")
    return profile
