"""The models as files: cards say where they are, ``pull`` brings them here, ``verify`` reads every byte again."""

from __future__ import annotations

from edgebench.artifacts.cards import all_cards, load_card
from edgebench.artifacts.pull import Files, located, pull
from edgebench.artifacts.quantize import TYPES, quantize
from edgebench.artifacts.verify import Verdict, verify

__all__ = ["TYPES", "Files", "Verdict", "all_cards", "load_card", "located", "pull", "quantize", "verify"]
