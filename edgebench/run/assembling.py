"""From names in a plan to live parts: model files, targets, promptings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from edgebench import plugins
from edgebench.artifacts import load_card, pull
from edgebench.artifacts.keeping import sha256_of
from edgebench.contracts import Perturbation, Prompting, Store, Target
from edgebench.errors import ModelError
from edgebench.meters.host import device_name
from edgebench.plan import arms
from edgebench.plan.checks import CARD_KINDS
from edgebench.records import ModelCard, Named, Parts, Plan, Workload, redirects
from edgebench.run.networks import demand, networks_of, sent_through
from edgebench.targets.cascade import MadeOfTargets
from edgebench.targets.fake import SupportsReferences
from edgebench.targets.network import Network
from edgebench.workloads import prompting
from edgebench.workloads.perturbations import chain
from edgebench.workloads.prompting.shown import spoken, whole

#: Bytes from which reading a file takes seconds.
SLOW_TO_HASH = 2**30


@dataclass(frozen=True)
class Assembly:
    """What a run is made of: a way to make each target, each prompting once, the cards behind them."""

    targets: Mapping[str, Callable[[], Target]]
    promptings: Mapping[str, Prompting]  # by canonical spec, see ``spec_key``
    perturbations: Mapping[str, Perturbation] = field(default_factory=dict)  # by what the trials call them
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    parts: Mapping[str, Parts] = field(default_factory=dict)  # what each target is made of
    networks: Mapping[str, Network] = field(default_factory=dict)  # through which a target is reached, if any

    def prompting(self, spec: Named) -> Prompting:
        return self.promptings[spec_key(spec)]


def spec_key(spec: Named) -> str:
    """One string per prompting spec, so that equal specs share one prompting (and its examples)."""
    return spec if isinstance(spec, str) else repr(sorted(spec.items(), key=str))


def assemble(
    plan: Plan,
    workload: Workload,
    *,
    keys: Mapping[str, str],
    store: Store | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Assembly:
    """Fetch what is missing, check what is there, build what can be built before any clock runs.

    ``keys``: target name → API key. Raises UsageError and its kin for anything a person can mend.
    """
    cells = arms(plan)
    noises = {one.perturbation: chain(one.perturbations) for one in cells if one.perturbations}
    references = {item.digest: spoken(whole(workload, item.reference)) for item in workload.items}
    references |= _redirected(workload, [one for name, one in noises.items() if redirects(name)], plan)
    makers: dict[str, Callable[[], Target]] = {}
    cards: dict[str, ModelCard] = {}
    built: dict[str, Parts] = {}
    networks = networks_of(plan)
    demand(plan, networks)
    for name in plan.targets:
        parts, card = _parts(plan, name, keys.get(name), progress)
        built[name], makers[name] = parts, partial(_make, parts, references, store, makers, plan, networks)
        if card is not None:
            cards[name] = card
    for make in makers.values():
        make()  # what cannot be built is said now, not in the middle of a run
    promptings = {
        spec_key(one.prompting): build_prompting(one.prompting, workload, plan.seeds.examples) for one in cells
    }
    return Assembly(makers, promptings, noises, cards, built, networks)


def _redirected(workload: Workload, noises: Sequence[Perturbation], plan: Plan) -> dict[str, str]:
    """The words of a message whose right answer is another one → that answer."""
    pairs = [(item, noise(item, plan.seeds.perturbations)) for noise in noises for item in workload.items]
    return {form.text: spoken(whole(workload, form.reference)) for item, form in pairs if form.text != item.text}


def build_prompting(spec: Named, workload: Workload, seed: int) -> Prompting:
    """The prompting a spec names; each prompting draws its examples from the same seed."""
    return prompting.build(spec)(workload, np.random.default_rng(seed))


def _make(
    parts: Parts,
    references: Mapping[str, str],
    store: Store | None,
    makers: Mapping[str, Callable[[], Target]],
    plan: Plan,
    networks: Mapping[str, Network],
) -> Target:
    make = plugins.find("targets", parts.spec.kind)
    if parts.spec.kind == "recorded" and store is not None:
        make = partial(make, source=store.load)
    target: Target = make(parts)
    if isinstance(target, SupportsReferences):
        target.know(references)
    if isinstance(target, MadeOfTargets):
        target.compose({name: (makers[name](), plan.targets[name]) for name in target.needs_targets})
    return sent_through(target, networks[parts.name], plan) if parts.name in networks else target


def _parts(plan: Plan, name: str, key: str | None, progress: Callable[[str], None]) -> tuple[Parts, ModelCard | None]:
    spec = plan.targets[name]
    served = spec.options.get("serve")
    serving = isinstance(served, Mapping)
    named = served.get("model") if isinstance(served, Mapping) else None
    card_name = (named or spec.model) if serving or spec.kind in CARD_KINDS else None
    files: Mapping[str, str] = {}
    hashes: Mapping[str, str] = {}
    card = None
    if spec.file is not None:
        file = (Path(plan.folder) / spec.file).resolve()
        if not file.is_file():
            raise ModelError(f"target {name!r}: there is no file {spec.file}", hint="check `file:` in the plan")
        beside = file.parent / "tokenizer.json"
        files = {"model": str(file), **({"tokenizer": str(beside)} if beside.is_file() else {})}
        if file.stat().st_size > SLOW_TO_HASH:
            progress(f"reading {spec.file} once for its SHA-256 …")
        hashes = {"model": sha256_of(file)}
    elif card_name is not None:
        card = load_card(card_name)
        found = pull(card, progress=progress)
        files = {role: str(path) for role, path in found.paths.items()}
        hashes = found.sha256
    parts = Parts(
        name=name,
        spec=spec,
        files=files,
        card=card,
        sha256=hashes,
        seed=plan.seeds.sampling,
        device=device_name(),
        api_key=key,
    )
    return parts, card
