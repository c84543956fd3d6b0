"""Sample data: a small company's users, keys and calls, for a first look at the platform.

Everything is derived from the hour it belongs to, so that loading it again adds nothing, and
loading it later adds the hours since.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headgate.core.budgets import Account, Charge, Limit, Settlement, period_of
from headgate.core.chat import TokenUsage
from headgate.core.ids import event_id
from headgate.core.keys import RateLimit, VirtualKey
from headgate.core.money import NANO_PER_USD
from headgate.core.prices import Markup, PriceBook
from headgate.core.usage import CallStatus, RequestType, UsageEvent

DAYS = 30
HOUR_SECONDS = 3600
OWNER = "samples"
TAG = "sample"
# The mark of sample events, where real ones carry the process that made them.
_MARK = "5a3b1e00"
_STATUSES: tuple[CallStatus, ...] = ("ok",) * 98 + ("cancelled", "incomplete")


@dataclass(frozen=True, slots=True)
class _Habit:
    """What a key is used for: how often an hour in office time, with which models and sizes.

    Attributes:
        hits: the share of its calls that the cache answers; None where none is cacheable.
        is_own: whether its user brings a vendor key of their own.
        dearer: the model that `auto` avoided; None where the caller named the model.
    """

    key: VirtualKey
    calls_per_hour: int
    models: tuple[tuple[str, str], ...]
    use_case: str
    input_tokens: int
    output_tokens: int
    request_type: RequestType = "completion"
    hits: float | None = None
    is_own: bool = False
    dearer: tuple[str, str] | None = None


def _key(name: str, user: str, workspace: str, created_at: float) -> VirtualKey:
    return VirtualKey(
        key_id=f"sk-proj-sample{name.replace('-', '')}",
        name=f"sample {name}",
        scopes=frozenset({"ai:complete", "ai:embed", "tools:run", "agent:run", "usage:read"}),
        user_id=user,
        workspace_id=workspace,
        rate_limit=RateLimit(requests_per_minute=600),
        created_at=created_at,
    )


def _habits(created_at: float) -> tuple[_Habit, ...]:
    mini, large = ("openai", "gpt-4o-mini"), ("openai", "gpt-4o")
    sonnet, flash = ("anthropic", "claude-sonnet-4-5"), ("gemini", "gemini-2.5-flash")
    support = _key("support-bot", "ada", "support", created_at)
    reports = _key("report-writer", "ben", "research", created_at)
    mails = _key("mail-sorter", "cleo", "support", created_at)
    index = _key("search-index", "dora", "research", created_at)
    reviews = _key("code-review", "eli", "engineering", created_at)
    translator = _key("translator", "fay", "marketing", created_at)
    small = ("openai", "text-embedding-3-small")
    return (
        _Habit(support, 8, (mini, mini, mini, large), "support", 900, 250, hits=0.08),
        _Habit(reports, 2, (large, ("openai", "gpt-4.1"), sonnet), "summarization", 6_000, 700),
        _Habit(
            mails,
            6,
            (("openai", "gpt-4.1-nano"),),
            "classification",
            400,
            12,
            hits=0.3,
            dearer=large,
        ),
        _Habit(index, 3, (small,), "search", 2_500, 0, "embedding", hits=0.2),
        _Habit(reviews, 2, (sonnet,), "code-review", 4_500, 600, is_own=True),
        _Habit(translator, 3, (flash, flash, mini), "translation", 1_200, 1_100),
    )


def keys(now: float) -> list[VirtualKey]:
    """The sample keys; their secrets are unknown to everybody until they are rotated."""
    return [habit.key for habit in _habits(now - DAYS * 24 * HOUR_SECONDS)]


def limits() -> list[tuple[Account, Limit]]:
    """The sample budgets, in dollars a month."""
    return [
        (Account("key", "sk-proj-samplesupportbot"), Limit(amount=10 * NANO_PER_USD)),
        (Account("user", "ben"), Limit(amount=18 * NANO_PER_USD)),
        (Account("user", "fay"), Limit(amount=5 * NANO_PER_USD)),
        (Account("workspace", "support"), Limit(amount=25 * NANO_PER_USD, hard=False)),
        (Account("model", "gpt-4o"), Limit(amount=40 * NANO_PER_USD)),
    ]


def settlements(now: float, prices: PriceBook, markup: Markup) -> Iterator[Settlement]:
    """The calls of the last 30 days, by hour, up to the last whole one."""
    last = int(now // HOUR_SECONDS)
    for hour in range(last - DAYS * 24, last):
        for event in _events(hour, prices, markup):
            yield settlement(event)


def settlement(event: UsageEvent) -> Settlement:
    """A sample call with what each of its accounts pays."""
    period = period_of(event.timestamp / 1000)
    accounts = [Account("key", event.key_id), Account("workspace", event.workspace_id)]
    if event.user_id is not None:
        accounts.append(Account("user", event.user_id))
    accounts.append(Account("model", event.model))
    charges = tuple(Charge(account, period, event.billed, 0) for account in accounts)
    return Settlement(OWNER, event, charges)


def is_sample(event: UsageEvent) -> bool:
    """Whether nobody made this call: one that was loaded, or that loading a document took."""
    is_loading = event.request_type == "tool" and event.tags == (TAG,)
    return event.id.endswith(_MARK) or is_loading


def _events(hour: int, prices: PriceBook, markup: Markup) -> Sequence[UsageEvent]:
    rng = random.Random(hour)  # noqa: S311 - the same hour must give the same calls
    is_office_time = 7 <= hour % 24 < 18 and (hour // 24 + 4) % 7 < 5
    # Weeks differ, and now and then a vendor has a bad hour.
    busy = random.Random(hour // 168).uniform(0.75, 1.25)  # noqa: S311 - the same
    failing = 0.25 if rng.random() < 0.006 else 0.012
    events: list[UsageEvent] = []
    for habit in _habits(0):
        mean = habit.calls_per_hour * busy / (1 if is_office_time else 5)
        for _ in range(round(rng.uniform(0, 2) * mean)):
            milliseconds = hour * HOUR_SECONDS * 1000 + rng.randrange(HOUR_SECONDS * 1000)
            event = _event(
                habit,
                milliseconds,
                len(events),
                rng,
                failing=failing,
                prices=prices,
                markup=markup,
            )
            if event is not None:
                events.append(event)
    return events


def _event(
    habit: _Habit,
    milliseconds: int,
    number: int,
    rng: random.Random,
    *,
    failing: float,
    prices: PriceBook,
    markup: Markup,
) -> UsageEvent | None:
    """A call; None where its model has no price."""
    provider, model = rng.choice(habit.models)
    price = prices.price(provider, model)
    if price is None:
        return None
    status = "error" if rng.random() < failing else rng.choice(_STATUSES)
    is_hit = status == "ok" and habit.hits is not None and rng.random() < habit.hits
    usage = _usage(habit, rng) if status != "error" else TokenUsage()
    cost = price.cost(usage)
    dearer = None if habit.dearer is None else prices.price(*habit.dearer)
    latency = 2 if is_hit else int(180 + usage.output_tokens * rng.uniform(6, 12))
    if not is_hit and rng.random() < 0.02:
        latency *= 3
    paid = 0 if is_hit else cost
    return UsageEvent(
        id=event_id(milliseconds, number, _MARK),
        request_id=f"req_sample{milliseconds:x}{number:04x}",
        timestamp=milliseconds,
        key_id=habit.key.key_id,
        workspace_id=habit.key.workspace_id,
        user_id=habit.key.user_id,
        provider=provider,
        model=model,
        request_type=habit.request_type,
        status=status,
        cost=paid,
        billed=0 if habit.is_own else markup.billed(paid),
        saved_cost=cost if is_hit else 0,
        auto_saved=0 if dearer is None or is_hit else max(0, dearer.cost(usage) - cost),
        byok=habit.is_own,
        cache="bypass" if habit.hits is None else "hit" if is_hit else "miss",
        price_version=price.version,
        use_case=habit.use_case,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        latency_ms=latency,
        first_token_ms=None if status == "error" or not habit.output_tokens else latency // 4,
        tags=(TAG,),
    )


def _usage(habit: _Habit, rng: random.Random) -> TokenUsage:
    size = rng.lognormvariate(0, 0.5)
    read = int(habit.input_tokens * size)
    from_cache = read // 2 * rng.randint(0, 1) if habit.output_tokens else 0
    return TokenUsage(
        input_tokens=read,
        output_tokens=int(habit.output_tokens * size),
        cached_input_tokens=from_cache,
    )
