"""What a run would send, take and cost, reckoned before anything is sent.

Requests are made exactly as a run makes them (same items, same prompting, same examples) and then only counted.
A token is taken as four characters; an answer as the longest that is allowed.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.cli.confirm import confirmed
from edgebench.cli.options import opened, store_place
from edgebench.contracts import Prompting
from edgebench.plan import Arm, arms, key_pairs, unfold
from edgebench.plan.checks import host_of, runs_a_file
from edgebench.plan.unfolding import by_language
from edgebench.records import Answer, Call, Identity, Item, Plan, Request, Role, Run, Trial, Usage, Workload
from edgebench.targets.connection import is_loopback

if TYPE_CHECKING:
    from edgebench.metrics.sample_size import Needed

CHARACTERS_PER_TOKEN = 4
MOST_PROBED = 40  # items whose requests are made to reckon the mean


def foresee(plan: Plan, environ: Mapping[str, str], place: str | None) -> dict[str, Any]:
    """JSON-ready: arms with requests, host, tokens, dollars, minutes; hosts, keys, models."""
    from edgebench.run.judging import with_rubrics
    from edgebench.workloads import load

    workload = with_rubrics(plan, load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds))
    requests: dict[str, int] = {}
    trials = unfold(plan, workload)
    for trial in trials:
        requests[trial.arm] = requests.get(trial.arm, 0) + len(trial.item_digests)
    past = _past(plan, place)
    foreseen = [_arm(plan, workload, arm, requests[arm.name], _seconds(past.get(arm.name))) for arm in arms(plan)]
    foreseen += [_judge(plan, workload, trial) for trial in trials if trial.judges]
    known = confirmed()
    return {
        "question": plan.question,
        "items": len(workload.items),
        "requests": sum(requests.values()),
        "texts": plan.texts,
        "arms": foreseen,
        "hosts": sorted({arm["host"] for arm in foreseen if arm["host"] and arm["leaves"]}),
        "keys": [
            {"variable": key, "host": host, "set": bool(environ.get(key)), "confirmed": (key, host) in known}
            for key, host in key_pairs(plan)
        ],
        "models": _models(plan),
        "networks": _networks(plan),
        "budget": plan.budget,
        "sample_size": _sample_size({arm.name: requests[arm.name] for arm in arms(plan)}, past, workload),
    }


def _seconds(past: Past | None) -> float | None:
    return None if past is None else past.seconds


def _sample_size(requests: Mapping[str, int], past: Mapping[str, Past], workload: Workload) -> dict[str, Any]:
    """What the plan's numbers can show: by the newest run's spread where there is one, else by a declared one."""
    from edgebench.metrics import sample_size

    found = []
    for arm, count in requests.items():
        known = past.get(arm)
        if known is not None and known.needed is not None:
            found.append(replace(known.needed, have=count, planned=True))
        else:
            found.append(sample_size.declared(arm, count, _seconds(known)))
    answers = sum(item.reference is not None for item in workload.items)
    accuracy = sample_size.accuracy_words(answers, None) if answers else None
    return {
        "arms": [
            {
                "arm": one.arm,
                "metric": sample_size.METRIC,
                "difference": sample_size.SHARE,
                "n": one.n,
                "planned": one.have,
                "minutes": one.minutes,
                "p99_n": one.tail_n,
                "p99_minutes": one.tail_minutes,
                "assumed": one.assumed,
            }
            for one in found
        ],
        "lines": [*sample_size.words_of_all(found), *([accuracy] if accuracy else [])],
    }


def _arm(plan: Plan, workload: Workload, arm: Arm, count: int, past_s: float | None) -> dict[str, Any]:
    items = by_language(plan, workload)[arm.language][:MOST_PROBED]
    made = asyncio.run(_made(_prompting(plan, workload, arm), items))
    calls = len(made) * count // max(len(items), 1)
    return _row(plan, arm.name, arm.target, made, calls) | {"minutes": _minutes(plan, count, past_s)}


def _judge(plan: Plan, workload: Workload, trial: Trial) -> dict[str, Any]:
    """What a judge would send: its prompts around answers as long as they may be."""
    from edgebench.plan.judging import VERSUS
    from edgebench.run.judging import Judging, rubric_of

    name = trial.judge
    longest = "x" * (CHARACTERS_PER_TOKEN * workload.task.max_tokens)
    answers = (longest,) * len(trial.judges.split(VERSUS))
    by_digest = {item.digest: item for item in workload.items}
    items = [by_digest[digest] for digest in trial.item_digests[:MOST_PROBED]]
    judging = Judging(
        name, plan.judges[name], rubric_of(workload, name), workload.task, {item.digest: answers for item in items}
    )
    made = asyncio.run(_made(judging, items))
    calls = len(made) * len(trial.item_digests) // max(len(items), 1)
    return _row(plan, trial.arm, trial.target, made, calls) | {"minutes": None}


def _row(plan: Plan, arm: str, asked: str, made: Sequence[Request], calls: int) -> dict[str, Any]:
    """A line of the table: ``calls`` requests like those ``made``."""
    target = _hosted(plan, asked)
    spec, host = plan.targets[target], host_of(plan.targets[target])
    tokens_in = sum(_tokens(request) for request in made) * calls // max(len(made), 1)
    tokens_out = sum(request.max_tokens for request in made) * calls // max(len(made), 1)
    usd: float | None = None
    why: str | None = None
    notes: tuple[str, ...] = ()
    if host is not None and spec.placement != "device":
        usd, why, notes = _dollars(plan, target, calls, tokens_in, tokens_out)
    return {
        "arm": arm,
        "target": asked,
        "requests": calls,
        "host": host,
        "leaves": host is not None and not is_loopback(host),
        "tokens_in": tokens_in,
        "tokens_out_at_most": tokens_out,
        "usd_at_most": usd,
        "why_no_cost": why,
        "price_notes": notes,
    }


def _minutes(plan: Plan, count: int, past_s: float | None) -> float | None:
    """An open loop lasts as long as its schedule; a closed one as long as the answers take."""
    from edgebench.load.arrivals import seconds_of

    planned_s = seconds_of(plan.scenario, count, Path(plan.folder))
    if planned_s is not None:
        return planned_s / 60
    return None if past_s is None else past_s * count / 60


def _prompting(plan: Plan, workload: Workload, arm: Arm) -> Prompting:
    from edgebench.run.assembling import build_prompting

    return build_prompting(arm.prompting, workload, plan.seeds.examples)


async def _made(prompting: Prompting, items: Sequence[Item]) -> list[Request]:
    """The requests that some items become."""
    seen: list[Request] = []

    async def ask(request: Request, *, role: Role = "answer") -> Answer:
        seen.append(request)
        return Answer(str(len(seen)))  # all different, so that a prompting that compares drafts asks about them

    for item in items:
        await prompting(item, ask)
    return seen


def _tokens(request: Request) -> int:
    return -(-sum(len(message.content) for message in request.messages) // CHARACTERS_PER_TOKEN)


def _hosted(plan: Plan, target: str) -> str:
    """The part of a target made of others that is spoken to elsewhere: at most, all requests go there."""
    options = plan.targets[target].options
    parts = [str(options[key]) for key in ("edge", "cloud") if str(options.get(key)) in plan.targets]
    away = [part for part in parts if host_of(plan.targets[part]) and plan.targets[part].placement != "device"]
    return away[-1] if away else target


def _dollars(
    plan: Plan, target: str, calls: int, tokens_in: int, tokens_out: int
) -> tuple[float | None, str | None, tuple[str, ...]]:
    """Dollars at most, or why nobody can say; and what is charged otherwise than was asked for."""
    from edgebench.metrics.prices import load_prices
    from edgebench.metrics.rate_cards import Unpriced, charged

    spec = plan.targets[target]
    if spec.price is not None and spec.price.usd_per_hour is not None:
        return None, "it is rented by the hour, whatever it is asked", ()
    identity = Identity(target, spec.kind, "hosted", model=spec.model or "", device=host_of(spec) or "")
    usage = Usage(tokens_in // max(calls, 1), tokens_out // max(calls, 1))
    call = Call(role="answer", due_ns=0, usage=usage, served_model=spec.model)
    card = load_prices(plan).card(spec, identity, call, time.time())
    if isinstance(card, Unpriced):
        return None, card.why, ()
    bill = charged(card, call)
    if isinstance(bill, Unpriced):
        return None, bill.why, card.notes
    return float(sum(bill.values())) * calls, None, card.notes


def _networks(plan: Plan) -> list[dict[str, Any]]:
    from edgebench.plan.networks import network_of
    from edgebench.targets.network import load_network

    named = {target: network_of(plan, target) for target in plan.targets}
    return [
        {"target": target, "network": name, "title": load_network(name).title, "shaper": plan.shaper}
        for target, name in named.items()
        if name is not None
    ]


def _models(plan: Plan) -> list[dict[str, Any]]:
    from edgebench.artifacts import load_card, located

    names = [spec.model for spec in plan.targets.values() if spec.model and runs_a_file(spec)]
    out = []
    for name in dict.fromkeys(names):
        card = load_card(name)
        sizes = [source.bytes for source in card.files.values()]
        whole = sum(size for size in sizes if size is not None) if sizes and None not in sizes else None
        out.append({"card": name, "here": located(card) is not None, "bytes": whole})
    return out


@dataclass(frozen=True)
class Past:
    """What a stored run says of an arm."""

    seconds: float  # a request took
    needed: Needed | None  # requests that show a difference; None: too few were measured to say


def _past(plan: Plan, place: str | None) -> dict[str, Past]:
    """Arm → what the newest stored run says that measured it on the same model."""
    where = store_place(place)
    if "://" not in where and not Path(where).is_file():
        return {}
    out: dict[str, Past] = {}
    wanted = {arm.name: arm for arm in arms(plan)}
    with opened(place) as store:
        for row in store.runs()[:5]:
            missing = [name for name in row["arms"] if name in wanted and name not in out]
            if missing:
                out |= _measured(store.load(row["id"]), plan, [wanted[name] for name in missing])
    return out


def _measured(run: Run, plan: Plan, wanted: list[Arm]) -> dict[str, Past]:
    from edgebench.metrics.sample_size import measured
    from edgebench.metrics.table import columns

    same = [arm.name for arm in wanted if run.plan.targets.get(arm.target) == plan.targets[arm.target]]
    trials = {trial.id: trial.arm for trial in run.trials}
    spent: dict[str, list[float]] = {}
    for record in run.records:
        if record.done_ns is not None:
            spent.setdefault(trials[record.trial_id], []).append((record.done_ns - record.due_ns) / 1e9)
    known = [name for name in same if spent.get(name)]
    table = columns(run) if known else {}
    return {name: Past(statistics.fmean(spent[name]), measured(table, name)) for name in known}
