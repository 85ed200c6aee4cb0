"""Parts a plan names: what each will call itself without being built, and whether it could be built."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edgebench import plugins
from edgebench.errors import MissingExtra, PlanError, UsageError
from edgebench.plan.document import Document, Loc, nearest
from edgebench.plan.shape import validated
from edgebench.records import Named, Plan, TargetSpec, VarySpec, redirects

Found = Iterator[PlanError]


def promptings_of(plan: Plan, spec: TargetSpec) -> tuple[Named, ...]:
    """The promptings of a target: its own (one or several), or the plan's. The first one is its base."""
    own = spec.prompting
    if own is None:
        return plan.prompting
    return tuple(own) if isinstance(own, (list, tuple)) else (own,)


def prompting_name(spec: Named) -> str:
    """What a prompting will call itself, without building it: ``zero-shot``, ``few-shot(5)``."""
    return plugins.part_name("promptings", spec)


def perturbation_name(spec: Named) -> str:
    """What a perturbation will call itself, without building it: ``keyboard-typos(0.05)``."""
    return plugins.part_name("perturbations", spec)


def field_of(vary: VarySpec) -> tuple[Named, ...]:
    """The perturbations of the field corner: those named, else all that are noise.

    Noise leaves the meaning as it is or takes some of it, and nobody's name is noise: in a message signed twice, by
    people of two groups, there would be nothing to see.
    """
    return vary.field or tuple(one for one in vary.perturbations if not redirects(bare(one)) and bare(one) != "signed")


def bare(spec: Named) -> str:
    """The name a part is registered under, without its options."""
    return spec if isinstance(spec, str) else str(next(iter(spec), ""))


def named(spec: str | Mapping[str, Any], shelf: str, loc: Loc, document: Document, *, built: bool = True) -> Found:
    """A plug-in with its parameters: ``label`` or ``{contains: {ignore_case: true}}``."""
    what = shelf.removesuffix("s")
    if not isinstance(spec, str) and (len(spec) != 1 or not isinstance(next(iter(spec.values())), (dict, type(None)))):
        yield document.error(loc, f"a {what} with options is one name over its options", hint="{few-shot: {k: 5}}")
        return
    name, params = (spec, {}) if isinstance(spec, str) else next(iter(spec.items()))
    inside = loc if isinstance(spec, str) else (*loc, name)
    try:
        factory = plugins.find(shelf, name)
    except MissingExtra as exc:
        yield document.error(inside, str(exc), on_key=not isinstance(spec, str), hint=exc.hint)
        return
    except UsageError:
        yield document.error(
            inside,
            f"no {what} is called {name!r}",
            on_key=not isinstance(spec, str),
            hint=nearest(name, plugins.names(shelf)),
        )
        return
    yield from _parameters(factory, params or {}, inside, document, built=built)


def _parameters(
    factory: Callable[..., Any], given: Mapping[str, Any], loc: Loc, document: Document, *, built: bool
) -> Found:
    known = inspect.signature(factory).parameters
    hints = typing.get_type_hints(factory)
    wrong: list[PlanError] = []
    for key, value in given.items():
        if key not in known:
            hint = nearest(key, known) or "it takes no options"
            wrong.append(document.error((*loc, key), f"unknown option {key!r}", on_key=True, hint=hint))
        else:
            wrong += validated(document, value, hints.get(key, Any), (*loc, key))[1]
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in given and parameter.kind is not parameter.VAR_KEYWORD:
            wrong.append(document.error(loc, f"the option {key!r} is missing", on_key=True))
    if not wrong and built:
        try:
            factory(**given)
        except (UsageError, ValueError) as exc:
            wrong.append(document.error(loc, str(exc), hint=getattr(exc, "hint", None)))
    yield from wrong
