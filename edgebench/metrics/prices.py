"""Rate cards: what a provider charges for tokens, resolved once per model and minute and then only multiplied.

Where a rate comes from, nearest first: figures in the plan (``price:``), the plan's own price file (``prices:``),
then the list in genai-prices, offline. A model is matched to the provider its endpoint belongs to, or that the plan
names; never to a provider guessed from the model's name, for a model served from one's own gateway has no list price.
Prices depend on the clock (off-peak hours, announced changes): every call is priced at the minute it was sent, so a
report made a year later says the same. Nobody's price is never zero: it is :class:`Unpriced`, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from edgebench import catalog, plugins
from edgebench.errors import DataError, MissingExtra, UsageError
from edgebench.records import Call, Identity, Plan, PriceSpec, Provenance, TargetSpec

MILLION = Decimal(1_000_000)
DEFAULT_URL: Mapping[str, str] = {"openai": "https://api.openai.com/v1"}  # where a target of that kind speaks to
RATES = ("input_per_million", "output_per_million", "cached_input_per_million")
_ENTRY = frozenset({*RATES, "provider", "source", "as_of"})


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No price, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars per million tokens; above a tier's start (in input tokens) its rate holds for the whole request."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()  # ascending starts

    def at(self, input_tokens: int) -> Decimal:
        return next((price for start, price in reversed(self.tiers) if input_tokens > start), self.base)

    def __str__(self) -> str:
        return "".join([f"{self.base}", *(f" ({price} above {start} tokens)" for start, price in self.tiers)])


@dataclass(frozen=True, slots=True)
class RateCard:
    """What one model costs at one moment, and who says so."""

    input: Rate
    output: Rate | None
    cached: Rate | None  # None: cached input tokens are charged at the input rate
    reasoning: Rate | None  # None: reasoning tokens are charged as output
    per_request: Decimal  # a fee for the request itself
    provider: str
    model: str  # the entry that matched, not the name that was asked
    listed: str  # "genai-prices 0.2.3", "the plan", "prices/ours.yaml: contract of May"
    as_of: str  # the moment for which the list was read, or the date its writer gave
    provenance: Provenance = "declared"

    def rates(self) -> str:
        cached = f"cached input {self.cached}" if self.cached else "cached input charged as input"
        output = f"output {self.output}" if self.output else "no output rate"
        fee = f" + {self.per_request} a request" if self.per_request else ""
        return f"input {self.input}, {cached}, {output} $/M tokens{fee}"

    def charge(self, call: Call) -> Mapping[str, Decimal] | Unpriced:
        """Dollars of one call by part. Cached tokens count inside input tokens, reasoning inside output tokens."""
        usage = call.usage
        if usage is None or usage.input_tokens is None:
            return Unpriced("no token counts")
        if self.output is not None and usage.output_tokens is None:
            return Unpriced("no output token count")
        if self.output is None and usage.output_tokens:
            return Unpriced("the price list has no output rate for this model")
        total, cached = usage.input_tokens, min(usage.cached_tokens or 0, usage.input_tokens)
        parts = {
            "input tokens": (total - cached) * self.input.at(total) / MILLION,
            "cached input tokens": cached * (self.cached or self.input).at(total) / MILLION,
        }
        if self.output is not None:
            thought = min(usage.reasoning_tokens or 0, usage.output_tokens or 0) if self.reasoning else 0
            parts["output tokens"] = ((usage.output_tokens or 0) - thought) * self.output.at(total) / MILLION
            if self.reasoning:
                parts["reasoning tokens"] = thought * self.reasoning.at(total) / MILLION
        if self.per_request:
            parts["request fee"] = self.per_request
        return parts


@dataclass(frozen=True)
class PriceBook:
    """Every price one plan may use. Looks each model up once per minute of the run."""

    plan: Plan
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # model → entry of the plan's price file
    own_name: str = ""
    missing: str = ""  # why the plan's price file could not be read here
    _seen: dict[tuple[Any, ...], RateCard | Unpriced] = field(default_factory=dict, repr=False, compare=False)

    def card(self, spec: TargetSpec, identity: Identity, call: Call, at_s: float) -> RateCard | Unpriced:
        """The rate card of one call, sent at ``at_s`` (seconds since 1970)."""
        minute = int(at_s // 60)
        key = (spec.price, spec.model, identity.model, call.served_model, _url(spec, identity), minute)
        if key not in self._seen:
            self._seen[key] = self._find(spec, identity, call, datetime.fromtimestamp(minute * 60, UTC))
        return self._seen[key]

    def _find(self, spec: TargetSpec, identity: Identity, call: Call, at: datetime) -> RateCard | Unpriced:
        price = spec.price or PriceSpec()
        names = [price.model] if price.model else [n for n in (spec.model, identity.model, call.served_model) if n]
        declared = _declared(price, names[0] if names else "")
        if declared is not None:
            return declared
        for name in names:
            if name in self.own and self.own[name].get("provider", price.provider) == price.provider:
                return _from_entry(name, self.own[name], self.own_name)
        if self.missing:
            return Unpriced(self.missing)
        found: RateCard | Unpriced = Unpriced("the target has no model name to look up")
        for name in dict.fromkeys(names):
            found = _listed(name, price.provider, _url(spec, identity), at)
            if isinstance(found, RateCard):
                return found
        return found


def load_prices(plan: Plan) -> PriceBook:
    """The price book of a plan. A price file that is not on this machine leaves its models unpriced, and says so.

    Raises
    ------
    DataError: the price file is there and cannot be understood.
    """
    if plan.prices is None:
        return PriceBook(plan)
    beside = Path(plan.folder) / plan.prices
    try:
        file = beside if beside.is_file() else catalog.path("prices", plan.prices)
    except UsageError:
        return PriceBook(plan, missing=f"the plan's price file {plan.prices} is not on this machine")
    return PriceBook(plan, read_prices(file), plan.prices)


def read_prices(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """Model → entry (rates as Decimals, source, as_of) of a price file.

    Raises
    ------
    DataError: not YAML, an unknown key, a rate that is no number, no source or date.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise DataError(f"{file}: cannot be read as YAML") from exc
    if not isinstance(content, Mapping) or not isinstance(content.get("models"), Mapping):
        raise DataError(f"{file}: needs a mapping `models:` of model name to rates")
    if unknown := content.keys() - {"models", "source", "as_of"}:
        raise DataError(f"{file}: unknown key {min(map(str, unknown))!r}", hint="known: source, as_of, models")
    return {str(name): _entry(f"{file}: {name}", entry, content) for name, entry in content["models"].items()}


def _entry(where: str, entry: Any, sheet: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping) or "input_per_million" not in entry:
        raise DataError(f"{where}: needs input_per_million")
    if unknown := entry.keys() - _ENTRY:
        raise DataError(f"{where}: unknown key {min(map(str, unknown))!r}", hint=f"known: {', '.join(sorted(_ENTRY))}")
    out: dict[str, Any] = {name: _dollars(f"{where}: {name}", entry[name]) for name in RATES if name in entry}
    for name in ("source", "as_of"):
        if not entry.get(name, sheet.get(name)):
            raise DataError(f"{where}: needs {name}, here or at the top of the file")
        out[name] = str(entry.get(name, sheet.get(name)))
    return out | ({"provider": str(entry["provider"])} if "provider" in entry else {})


def _dollars(where: str, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise DataError(f"{where}: {value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise DataError(f"{where}: {value!r} is not a price")
    return number


def _declared(price: PriceSpec, model: str) -> RateCard | None:
    """Rates written in the plan itself."""
    if price.input_per_million is None:
        return None
    entry = {name: Decimal(str(value)) for name in RATES if (value := getattr(price, name)) is not None}
    extra = {"provider": price.provider, "source": price.source or "", "as_of": price.as_of or "not said"}
    return _from_entry(model, entry | extra, "the plan")


def _from_entry(model: str, entry: Mapping[str, Any], name: str) -> RateCard:
    rates = {key: Rate(entry[key]) for key in RATES if key in entry}
    return RateCard(
        input=rates["input_per_million"],
        output=rates.get("output_per_million"),
        cached=rates.get("cached_input_per_million"),
        reasoning=None,
        per_request=Decimal(0),
        provider=entry.get("provider") or "",
        model=model,
        listed=f"{name}: {entry['source']}" if entry["source"] else name,
        as_of=entry["as_of"],
    )


def _url(spec: TargetSpec, identity: Identity) -> str | None:
    said = identity.details.get("base_url")
    url = said if isinstance(said, str) else spec.base_url or DEFAULT_URL.get(spec.kind)
    return url.lower() if url else None


def _listed(model: str, provider: str | None, url: str | None, at: datetime) -> RateCard | Unpriced:
    """The entry of genai-prices at that moment."""
    if provider is None and url is None:
        return Unpriced(f"nobody's model: {model} has no endpoint; name `price: {{provider: …}}` in the plan")
    try:
        prices = plugins.need("genai_prices")
        snapshot = plugins.need("genai_prices.data_snapshot").get_snapshot()
    except MissingExtra as exc:
        return Unpriced(f"{exc}: {exc.hint}")
    try:
        owner, entry = snapshot.find_provider_model(model, None, provider, None if provider else url)
    except LookupError:
        return Unpriced(f"{model} at {provider or url} is in no price list")
    found = entry.get_prices(at)
    charged = _rate(found.input_mtok)
    if charged is None:
        return Unpriced(f"{entry.id} at {owner.id} is in genai-prices without an input rate")
    fee = found.requests_kcount
    return RateCard(
        input=charged,
        output=_rate(found.output_mtok),
        cached=_rate(found.cache_read_mtok),
        reasoning=_rate(found.output_reasoning_mtok),
        per_request=Decimal(0) if fee is None else fee / 1000,
        provider=owner.id,
        model=entry.id,
        listed=f"genai-prices {prices.__version__}",
        as_of=at.strftime("%Y-%m-%dT%H:%MZ"),
    )


def _rate(price: Any) -> Rate | None:
    """A Decimal or genai-prices' tiered price as a Rate."""
    if price is None or isinstance(price, Decimal):
        return None if price is None else Rate(price)
    return Rate(price.base, tuple((tier.start, tier.price) for tier in price.tiers))
