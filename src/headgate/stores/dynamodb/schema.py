"""The tables: their names, keys and indexes, which stand here once.

| table                     | partition key             | sort key            |
|---------------------------|---------------------------|---------------------|
| `ai-platform-usage`       | `userId`                  | `timestamp`, number |
| `ai-platform-budgets`     | `userId`                  |                     |
| `ai-platform-leases`      | `holder`                  | `account`           |
| `ai-platform-unconfirmed` | `part`                    | `entryId`           |
| `ai-platform-rollups`     | `span`                    | `cell`              |
| `ai-platform-keys`        | `part`                    | `place`             |
| `ai-platform-answers`     | `callId`                  | `part`              |
| `ai-platform-documents`   | `part`                    | `place`             |
| `ai-platform-runs`        | `part`                    | `place`             |
| `ai-platform-memories`    | `part`                    | `place`             |
| `ai-platform-sockets`     | `socketId`                | `place`             |

| index of `ai-platform-usage` | partition key | sort key | holds        |
|------------------------------|---------------|----------|--------------|
| `by-key`                     | `keyId`       | `moment` | whole items  |
| `by-hour`                    | `hourShard`   | `moment` | whole items  |

All keys but `timestamp` are strings. All are billed by request. `ai-platform-usage` removes rows
whose `ttl` has passed; they have one where the settings say for how many days events are kept.
`ai-platform-answers`, `ai-platform-runs`, `ai-platform-memories` and `ai-platform-sockets` remove
what has expired in the same way. Each module says what it keeps in its table.
"""

from typing import NamedTuple

USAGE = "ai-platform-usage"
BUDGETS = "ai-platform-budgets"
LEASES = "ai-platform-leases"
UNCONFIRMED = "ai-platform-unconfirmed"
ROLLUPS = "ai-platform-rollups"
KEYS = "ai-platform-keys"
ANSWERS = "ai-platform-answers"
DOCUMENTS = "ai-platform-documents"
RUNS = "ai-platform-runs"
MEMORIES = "ai-platform-memories"
SOCKETS = "ai-platform-sockets"

BY_KEY = "by-key"
BY_HOUR = "by-hour"

TTL = "ttl"


class Index(NamedTuple):
    """A second order of a table's items; `whole` where it holds all attributes."""

    name: str
    partition: str
    sort: str | None
    whole: bool


class Table(NamedTuple):
    """A table's keys and indexes; `types` says which are numbers, the others are texts."""

    name: str
    partition: str
    sort: str | None = None
    indexes: tuple[Index, ...] = ()
    numbers: frozenset[str] = frozenset()
    ttl: str | None = None


TABLES = (
    Table(
        USAGE,
        "userId",
        "timestamp",
        (
            Index(BY_KEY, "keyId", "moment", whole=True),
            Index(BY_HOUR, "hourShard", "moment", whole=True),
        ),
        frozenset({"timestamp"}),
        TTL,
    ),
    Table(BUDGETS, "userId"),
    Table(LEASES, "holder", "account"),
    Table(UNCONFIRMED, "part", "entryId"),
    Table(ROLLUPS, "span", "cell"),
    Table(KEYS, "part", "place"),
    Table(ANSWERS, "callId", "part", ttl=TTL),
    Table(DOCUMENTS, "part", "place"),
    Table(RUNS, "part", "place", ttl=TTL),
    Table(MEMORIES, "part", "place", ttl=TTL),
    Table(SOCKETS, "socketId", "place", ttl=TTL),
)
