"""Data that could belong to somebody, in the texts of our own jobs: there is to be none."""

from __future__ import annotations

import re

MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
LONG_NUMBER = re.compile(r"\+?\d(?:[ .()/-]?\d){7,}")
FICTIONAL = re.compile(r"07700900\d{3}|01632960\d{3}")  # Ofcom's numbers for drama


def real_looking(text: str) -> list[str]:
    """E-mail addresses outside the example domains, links, and long numbers outside the ranges for fiction."""
    mails = [m[0] for m in MAIL.finditer(text) if not re.fullmatch(r"example\.(com|org|net)", m[1])]
    numbers = [n[0] for n in LONG_NUMBER.finditer(text) if not FICTIONAL.fullmatch(re.sub(r"\D", "", n[0]))]
    return mails + numbers + re.findall(r"https?://\S+|www\.\S+", text)
