"""What a plan can put around an item or judge it by: promptings, perturbations, scorers, each with its options."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from edgebench import plugins
from edgebench.cli.options import console, grid, text
from edgebench.errors import EdgebenchError

if TYPE_CHECKING:
    from edgebench.records import Workload

Kind = Literal["promptings", "perturbations", "scorers"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PLACES: Mapping[Kind, str] = {
    "promptings": "prompting: [{}]",
    "perturbations": "vary: {{perturbations: [{}]}}",
    "scorers": "workload: {{…, scorers: [{}]}}",
}
NEEDED = "needed"  # of an option without a default
SHOWN = 2  # messages before and after
_ROLE = re.compile(r":\w+:`[.~]*([^`]*)`")
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
_RUN = re.compile(r"\s*\n\s*")
_WORD = re.compile(r"[\w.-]+(?: [\w.-]+)*")


@dataclass(frozen=True, slots=True)
class Part:
    """A part by its name, what it does in a sentence, all it says of itself, and its options with their defaults."""

    kind: Kind
    name: str
    about: str
    told: str
    options: Mapping[str, str]  # option → its default as a plan would write it; "needed" where there is none

    @property
    def settings(self) -> str:
        """``k: 5, shown: 12``; "—" of a part without options."""
        return ", ".join(f"{option}: {value}" for option, value in self.options.items()) or "—"

    @property
    def in_a_plan(self) -> str:
        """The line of a plan that names it, with the option that matters most where it has a default."""
        found = ((option, "…" if value == NEEDED else value) for option, value in self.options.items())
        first = next((f"{option}: {value}" for option, value in found if value != "null"), "")
        return PLACES[self.kind].format(f"{{{self.name}: {{{first}}}}}" if first else self.name)


def kind_of(name: str) -> Kind | None:
    """On which shelf a name is; None: on none of these."""
    return next((kind for kind in KINDS if name in plugins.names(kind)), None)


def every(kind: Kind) -> list[Part]:
    """All of a kind, ours and installed ones, in order; one that cannot be loaded says so."""
    return [part(kind, name) for name in plugins.names(kind)]


def part(kind: Kind, name: str) -> Part:
    """One of them."""
    try:
        factory: Callable[..., Any] = plugins.find(kind, name)
    except (ImportError, AttributeError, EdgebenchError) as exc:  # somebody else's package, broken or half installed
        return Part(kind, name, f"cannot be loaded: {exc}", "", {})
    told = _plain(inspect.cleandoc(factory.__doc__ or "").partition("\nRaises\n")[0].strip())
    about = _about(kind, name) or _SENTENCE.split(" ".join(told.partition("\n\n")[0].split()))[0]
    options = {key: _written(one.default) for key, one in inspect.signature(factory).parameters.items()}
    return Part(kind, name, about, told, options)


def _about(kind: Kind, name: str) -> str:
    from edgebench.decide import terms
    from edgebench.workloads.perturbations import ABOUT

    return (
        ABOUT.get(name, "") if kind == "perturbations" else terms.about_prompting(name) if kind == "promptings" else ""
    )


def _plain(told: str) -> str:
    """A docstring without its marks of reStructuredText."""
    return _ROLE.sub(r"\1", told).replace("``", "")


def _written(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return NEEDED
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    if isinstance(default, str) and not _WORD.fullmatch(default):
        return json.dumps(default, ensure_ascii=False)
    return f"{default:g}" if isinstance(default, float) else str(default)


# --------------------------------------------------------------------------------------------------- on the terminal


def print_all(kind: Kind, parts: list[Part]) -> None:
    """A line each: name, options, what it does; of a perturbation, whether the right answer stays."""
    from edgebench.decide import terms
    from edgebench.records import test_type

    noise = kind == "perturbations"
    table = grid(kind.removesuffix("s"), "options (default)", *(("the answer",) if noise else ()), "what")
    for one in parts:
        stays = (text(terms.TEST_TYPES[test_type(one.name)].words),) if noise else ()
        table.add_row(text(one.name), text(one.settings), *stays, text(one.about))
    console().print(table)


def print_one(one: Part, forms: list[Mapping[str, Any]]) -> None:
    """All a part says of itself, the line a plan has for it; of a perturbation, what it makes of messages."""
    out = console()
    out.print(text(f"{one.name}: {one.about}"), style="bold")
    for paragraph in one.told.split("\n\n"):
        words = " ".join(paragraph.split())
        if words.rstrip(".") != one.about.rstrip("."):
            out.print(text(words))
    if one.options:
        out.print(text(f"options:    {one.settings}"))
    out.print(text(f"in a plan:  {one.in_a_plan}"))
    if not forms:
        return
    table = grid("job", "language", "messages changed", right=("messages changed",))
    for each in forms:
        table.add_row(text(each["job"]), text(each["language"]), f"{each['changed']} of {each['items']}")
    out.print(table)
    brief = min((each for each in forms if each["examples"]), key=_length, default=None)
    for example in brief["examples"] if brief else ():
        before, after = (_RUN.sub(" ⏎ ", example[side].strip()) for side in ("before", "after"))
        out.print(text(f"“{before}”"))
        out.print(text(f"→ “{after}”"))


def _length(form: Mapping[str, Any]) -> int:
    return sum(len(example["before"]) for example in form["examples"])


def forms(name: str) -> list[Mapping[str, Any]]:
    """How many messages of each built-in job a perturbation changes with its default options, and some of them."""
    from edgebench.workloads.perturbations import build

    perturbation = build(name)
    return [_of_job(perturbation, job, language) for job, language in _jobs(getattr(perturbation, "languages", ()))]


def _jobs(languages: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """Every job as it is; those in other languages where the perturbation is made for these and not for English."""
    from edgebench.plan.checks import builtin_jobs
    from edgebench.workloads import read_builtin

    for job in builtin_jobs():
        yield job, None
        if languages and "en" not in languages:
            yield from ((job, language) for language in read_builtin(job).parallel if language in languages)


def builtin(job: str, language: str | None = None) -> Workload:
    """A built-in job as it is shown, under the seeds of a plan that names none."""
    from pathlib import Path

    from edgebench.records import Seeds, WorkloadSpec
    from edgebench.workloads import load

    return load(WorkloadSpec(builtin=job, language=language), folder=Path(), seeds=Seeds())


def _of_job(perturbation: Any, job: str, language: str | None) -> Mapping[str, Any]:
    from edgebench.records import Seeds
    from edgebench.workloads import read_builtin

    items, seed = builtin(job, language).items, Seeds().perturbations
    pairs = [(item.text, perturbation(item, seed).text) for item in items]
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    short = sorted(changed, key=lambda pair: len(pair[0]))[:: max(1, len(changed) // (3 * SHOWN))][:SHOWN]
    return {
        "job": job,
        "language": language or read_builtin(job).language,
        "items": len(items),
        "changed": len(changed),
        "examples": [{"before": before, "after": after} for before, after in short],
    }
