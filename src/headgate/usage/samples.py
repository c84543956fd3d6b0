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
from headgate.core.usage import CallStatus, UsageEvent

DAYS = 30
HOUR_SECONDS = 3600
OWNER = "samples"
# The mark of sample events, where real ones carry the process that made them.
_MARK = "5a3b1e00"
_STATUSES: tuple[CallStatus, ...] = ("ok",) * 96 + ("error", "error", "cancelled", "incomplete")


@dataclass(frozen=True, slots=True)
class _Habit:
    """What a key is used for: how often an hour in office time, with which models and sizes."""

    key: VirtualKey
    calls_per_hour: int
    models: tuple[tuple[str, str], ...]
    use_case: str
    input_tokens: int
    output_tokens: int


def _key(name: str, user: str, workspace: str, created_at: float) -> VirtualKey:
    return VirtualKey(
        key_id=f"sk-proj-sample{name.replace('-', '')}",
        name=f"sample {name}",
        scopes=frozenset({"ai:complete", "ai:embed", "usage:read"}),
        user_id=user,
        workspace_id=workspace,
        rate_limit=RateLimit(requests_per_minute=600),
        created_at=created_at,
    )


def _habits(created_at: float) -> tuple[_Habit, ...]:
    mini, large = ("openai", "gpt-4o-mini"), ("openai", "gpt-4o")
    return (
        _Habit(
            _key("support-bot", "ada", "support", created_at),
            8,
            (mini, mini, mini, large),
            "support",
            900,
            250,
        ),
        _Habit(
            _key("report-writer", "ben", "research", created_at),
            2,
            (large, ("openai", "gpt-4.1")),
            "summarization",
            6_000,
            700,
        ),
        _Habit(
            _key("mail-sorter", "cleo", "support", created_at),
            5,
            (mini, ("openai", "gpt-4.1-nano")),
            "classification",
            400,
            12,
        ),
    )


def keys(now: float) -> list[VirtualKey]:
    """The sample keys; their secrets are unknown to everybody until they are rotated."""
    return [habit.key for habit in _habits(now - DAYS * 24 * HOUR_SECONDS)]


def limits() -> list[tuple[Account, Limit]]:
    """The sample budgets, in dollars a month."""
    return [
        (Account("key", "sk-proj-samplesupportbot"), Limit(amount=10 * NANO_PER_USD)),
        (Account("user", "ben"), Limit(amount=15 * NANO_PER_USD)),
        (Account("workspace", "support"), Limit(amount=25 * NANO_PER_USD, hard=False)),
    ]


def settlements(now: float, prices: PriceBook, markup: Markup) -> Iterator[Settlement]:
    """The calls of the last 30 days, by hour, up to the last whole one."""
    last = int(now // HOUR_SECONDS)
    for hour in range(last - DAYS * 24, last):
        for event in _events(hour, prices, markup):
            period = period_of(event.timestamp / 1000)
            accounts = [Account("key", event.key_id), Account("workspace", event.workspace_id)]
            if event.user_id is not None:
                accounts.append(Account("user", event.user_id))
            accounts.append(Account("model", event.model))
            charges = tuple(Charge(account, period, event.billed, 0) for account in accounts)
            yield Settlement(OWNER, event, charges)


def _events(hour: int, prices: PriceBook, markup: Markup) -> Sequence[UsageEvent]:
    rng = random.Random(hour)  # noqa: S311 - the same hour must give the same calls
    events: list[UsageEvent] = []
    is_office_time = 7 <= hour % 24 < 18 and (hour // 24 + 4) % 7 < 5
    for habit in _habits(0):
        mean = habit.calls_per_hour if is_office_time else habit.calls_per_hour // 4
        for _ in range(rng.randint(0, 2 * mean)):
            number = len(events)
            milliseconds = hour * HOUR_SECONDS * 1000 + rng.randrange(HOUR_SECONDS * 1000)
            provider, model = rng.choice(habit.models)
            price = prices.price(provider, model)
            if price is None:
                continue
            status = rng.choice(_STATUSES)
            usage = TokenUsage()
            if status != "error":
                size = rng.lognormvariate(0, 0.5)
                usage = TokenUsage(
                    input_tokens=int(habit.input_tokens * size),
                    output_tokens=int(habit.output_tokens * size),
                    cached_input_tokens=int(habit.input_tokens * size / 2) * rng.randint(0, 1),
                )
            cost = price.cost(usage)
            latency = int(200 + usage.output_tokens * rng.uniform(8, 14))
            events.append(
                UsageEvent(
                    id=event_id(milliseconds, number, _MARK),
                    request_id=f"req_sample{hour:x}{number:04x}",
                    timestamp=milliseconds,
                    key_id=habit.key.key_id,
                    workspace_id=habit.key.workspace_id,
                    user_id=habit.key.user_id,
                    provider=provider,
                    model=model,
                    request_type="completion",
                    status=status,
                    cost=cost,
                    billed=markup.billed(cost),
                    price_version=price.version,
                    use_case=habit.use_case,
                    input_tokens=usage.input_tokens,
                    cached_input_tokens=usage.cached_input_tokens,
                    output_tokens=usage.output_tokens,
                    latency_ms=latency,
                    first_token_ms=None if status == "error" else latency // 4,
                    tags=("sample",),
                )
            )
    return events
