"""A believable company's calls, by the million: the same ones for the same seed.

Office hours are busier than nights, few keys make most of the calls, and each key has its models
and its tags.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from headgate.core.budgets import Account, Charge, Settlement, period_of
from headgate.core.ids import event_id
from headgate.core.usage import CallStatus, UsageEvent

KEYS = 500
USERS = 300
WORKSPACES = 20
TAGS = 50
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4.1"),
    ("openai", "gpt-4.1-mini"),
    ("anthropic", "claude-opus-4-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-2.5-pro"),
    ("gemini", "gemini-2.5-flash"),
    ("bedrock", "llama-3-70b"),
    ("cohere", "command-r"),
    ("ollama", "qwen3"),
)
OWNER = "benchmark"
HOUR = 3_600_000
"""Milliseconds."""

_MARK = "be9c4a00"
_STATUSES: tuple[CallStatus, ...] = ("ok",) * 96 + ("error", "error", "cancelled", "incomplete")


@dataclass(frozen=True, slots=True)
class Habit:
    """Whose calls a key makes, with which models, and which tags they carry."""

    key_id: str
    user_id: str | None
    workspace_id: str
    models: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, ...], ...]


def habits(seed: int = 1) -> tuple[list[Habit], list[float]]:
    """The company's keys, and how much of its calls each makes."""
    chance = random.Random(seed)
    tags = [f"team-{number:02}" for number in range(TAGS)]
    found = []
    for number in range(KEYS):
        # Every tenth key is a service's and has no user.
        user = None if number % 10 == 9 else f"user-{number % USERS:03}"
        found.append(
            Habit(
                key_id=f"sk-proj-bench{number:04}",
                user_id=user,
                workspace_id=f"workspace-{number % WORKSPACES:02}",
                models=tuple(chance.sample(MODELS, chance.randint(1, 4))),
                tags=tuple(
                    tuple(chance.sample(tags, chance.choice((0, 1, 1, 2)))) for _ in range(3)
                ),
            )
        )
    return found, [1 / (rank + 10) for rank in range(KEYS)]


def settlements(count: int, *, days: int, end: int, seed: int = 1) -> Iterator[Settlement]:
    """About `count` calls in the `days` before `end` (milliseconds since 1970), in their order."""
    chance = random.Random(seed)
    found, weights = habits(seed)
    cumulated = list(itertools.accumulate(weights))
    last = end // HOUR
    busyness = {hour: _busyness(hour) for hour in range(last - days * 24, last)}
    scale = count / sum(busyness.values())
    for hour, busy in busyness.items():
        calls = round(busy * scale)
        times = sorted(chance.randrange(HOUR) for _ in range(calls))
        habits_of_hour = chance.choices(found, cum_weights=cumulated, k=calls)
        for number, (offset, habit) in enumerate(zip(times, habits_of_hour, strict=True)):
            yield _settlement(_event(chance, hour * HOUR + offset, number, habit))


def _busyness(hour: int) -> float:
    """How much is done in an hour, counted from 1970; the first of January 1970 was a Thursday."""
    is_weekend = (hour // 24 + 3) % 7 >= 5
    is_office_time = 7 <= hour % 24 < 18
    return (4.0 if is_office_time else 1.0) * (0.4 if is_weekend else 1.0)


def _event(chance: random.Random, timestamp: int, number: int, habit: Habit) -> UsageEvent:
    draw = chance.random()
    provider, model = habit.models[int(draw * len(habit.models))]
    size = chance.randrange(20, 2_000)
    status = _STATUSES[int(draw * 100_003) % 100]
    cost = 0 if status == "error" else size * 1_700
    return UsageEvent(
        id=event_id(timestamp, number, _MARK),
        request_id=f"req_{timestamp:012x}{number:06x}",
        timestamp=timestamp,
        key_id=habit.key_id,
        workspace_id=habit.workspace_id,
        user_id=habit.user_id,
        provider=provider,
        model=model,
        request_type="completion",
        status=status,
        cost=cost,
        billed=cost + cost // 50,
        price_version="2026-11-01",
        use_case="support",
        input_tokens=size,
        output_tokens=size // 3,
        latency_ms=200 + size,
        first_token_ms=150 + size // 4,
        tags=habit.tags[size % 3],
    )


def _settlement(event: UsageEvent) -> Settlement:
    period = period_of(event.timestamp / 1000)
    accounts = [Account("key", event.key_id), Account("workspace", event.workspace_id)]
    if event.user_id is not None:
        accounts.append(Account("user", event.user_id))
    accounts.append(Account("model", event.model))
    charges = tuple(Charge(account, period, event.billed, 0) for account in accounts)
    return Settlement(OWNER, event, charges)
