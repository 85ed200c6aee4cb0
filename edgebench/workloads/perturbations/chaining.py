"""A perturbation as a plan names it, and several of them one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebench.contracts import Perturbation
from edgebench.errors import UsageError
from edgebench.records import Item, Named, TestType, of_all, redirects
from edgebench.workloads.options import made
from edgebench.workloads.perturbations.forms import Directed, Form

JOIN = " + "


@dataclass(frozen=True, slots=True)
class Chain:
    """Perturbations one after the other, each with draws of its own."""

    parts: tuple[Perturbation, ...]

    @property
    def name(self) -> str:
        return JOIN.join(part.name for part in self.parts)

    @property
    def test_type(self) -> TestType:
        """That of the part that changes most."""
        return of_all(part.test_type for part in self.parts)

    @property
    def about(self) -> str:
        """The sentences of the parts, in order."""
        return " ".join(str(getattr(part, "about", part.name)) for part in self.parts)

    @property
    def languages(self) -> tuple[str, ...]:
        """Where every part that claims languages changes most messages."""
        claims = [part.languages for part in self.parts if isinstance(part, (Form, Directed)) and part.languages]
        return tuple(one for one in claims[0] if all(one in each for each in claims)) if claims else ()

    def __call__(self, item: Item, seed: int) -> Item:
        """The item after all of them; a form of the item it began as."""
        for part in self.parts:
            item = part(item, seed)
        return item


def as_asked(item: Item, perturbation: Perturbation, seed: int) -> Item | None:
    """The item as a trial put it, with what was right about it there.

    None where another answer than the item's reference was right, and the item's words are not kept: only they tell.
    """
    if redirects(perturbation.name) and replace(item).digest != item.digest:  # a copy's digest is of what is there now
        return None
    return perturbation(item, seed)


def build(spec: Named) -> Perturbation:
    """The perturbation a plan names: ``"lower-case"`` or ``{"keyboard-typos": {"rate": 0.1}}``.

    Raises
    ------
    UsageError: no such name or option, or a value out of its range.
    """
    if isinstance(spec, str):
        spec = {spec: {}}
    if len(spec) != 1:
        raise UsageError(
            f"a perturbation is one name with its options, not {len(spec)}", hint="keyboard-typos: {rate: 0.05}"
        )
    name, options = next(iter(spec.items()))
    options = options or {}
    if not isinstance(options, Mapping):
        raise UsageError(f"the options of {name} are names with values, not {options!r}", hint=f"{name}: {{…: …}}")
    perturbation: Perturbation = made("perturbations", str(name), options)
    return perturbation


def chain(specs: Sequence[Named]) -> Perturbation:
    """Several perturbations, one after the other, called "a + b"; one alone is itself.

    Raises
    ------
    UsageError: none is named, or one of them cannot be built.
    """
    if not specs:
        raise UsageError("no perturbation is named", hint="perturbations: [keyboard-typos, no-punctuation]")
    parts = tuple(build(spec) for spec in specs)
    return parts[0] if len(parts) == 1 else Chain(parts)
