"""A prompting as a plan names it becomes its factory."""

from __future__ import annotations

from edgebench.contracts import PromptingFactory
from edgebench.errors import UsageError
from edgebench.records import Named
from edgebench.workloads.options import made


def build(spec: Named) -> PromptingFactory:
    """The factory of a prompting: ``"zero-shot"`` or ``{"few-shot": {"k": 5}}``.

    Raises
    ------
    UsageError: no such prompting, no such option, or a value it cannot have.
    """
    if isinstance(spec, str):
        spec = {spec: {}}
    if len(spec) != 1:
        raise UsageError(f"a prompting is one name with its options, not {len(spec)}", hint="few-shot: {k: 5}")
    name, options = next(iter(spec.items()))
    factory: PromptingFactory = made("promptings", str(name), options or {})
    return factory
