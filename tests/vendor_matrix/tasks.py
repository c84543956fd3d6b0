"""What is asked of every vendor through every client, and what must come of it.

A task is told in no protocol's words. One token is one word, of the question without its
directives and of the answer.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple, TypeAlias

from vendor_matrix.vendors import PRICES, TIMEOUT_SECONDS, Vendor

Kind: TypeAlias = Literal["text", "tools", "json", "image", "vectors"]

MARKUP = Decimal("1.02")
NANO = Decimal("0.000000001")
MILLION = 1_000_000
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
CALLS = (("search", {"n": 1}), ("search", {"n": 2}))


class Counts(NamedTuple):
    """Tokens; cached ones are a part of the input, hidden ones of the output."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    @property
    def cost(self) -> Decimal:
        """Dollars at the one price: each token once, in its own class."""
        amounts = {
            "input": self.input - self.cached,
            "cached_input": self.cached,
            "output": self.output - self.reasoning,
            "reasoning": self.reasoning,
        }
        return sum((Decimal(PRICES[name]) * n for name, n in amounts.items()), Decimal(0)) / MILLION


class Failure(NamedTuple):
    """What a caller is told where the answer fails, by the contract."""

    status: int
    code: str
    retry_after: str | None = None


class Task(NamedTuple):
    """A question.

    Attributes:
        row: the row of the page that it stands in, together with its twins.
        text: what the user says, or the text that is embedded, with what the vendor is to do.
        answer: the text that must come.
        counts: what must be billed, where the answer is whole.
        failure: what must come instead of an answer.
        words: how many come before the failure, where the answer is streamed.
    """

    row: str
    kind: Kind
    text: str
    answer: str = ""
    counts: Counts = Counts()
    failure: Failure | None = None
    stream: bool = False
    words: int = 0

    @property
    def breaks_off(self) -> bool:
        """Whether a part of the answer comes before the failure."""
        return self.stream and self.words > 0

    @property
    def name(self) -> str:
        """What the task is called among all."""
        twin = "streamed" if self.stream else self.kind
        return f"{self.row}, {twin}" if self.stream or self.failure else self.row


def billed(cost: Decimal) -> Decimal:
    """What the caller is charged: the cost and the markup, rounded up to the nano-dollar."""
    return (cost * MARKUP).quantize(NANO, ROUND_CEILING)


def failure_of(vendor: Vendor, task: Task) -> Failure | None:
    """What a caller is told instead of an answer; None where there is one."""
    return Failure(400, "invalid_request") if task.kind in vendor.lacks else task.failure


def counts_of(vendor: Vendor, task: Task) -> Counts:
    """The tokens of a whole answer, in the classes that the vendor tells apart."""
    counts = task.counts
    return counts if vendor.tells_reasoning else counts._replace(reasoning=0)


def _told(status: int, failure: Failure) -> Task:
    return Task(f"{status}", "text", f"please [[fail {status}]]", failure=failure)


_BROKEN = Failure(502, "upstream_error")
_FAILURES = (
    _told(400, Failure(400, "invalid_request")),
    _told(401, _BROKEN),
    _told(403, _BROKEN),
    _told(404, Failure(404, "model_not_found")),
    _told(429, Failure(429, "rate_limit_exceeded", retry_after="1")),
    _told(500, _BROKEN),
    _told(503, Failure(503, "overloaded")),
    _told(529, Failure(503, "overloaded", retry_after="1")),
    Task(
        "no answer in time",
        "text",
        f"please wait [[delay {TIMEOUT_SECONDS * 20_000}]]",
        failure=Failure(504, "upstream_timeout"),
    ),
)
# The first word comes at once, the second one much later than anybody waits.
SILENT = Task(
    "an answer that falls silent",
    "text",
    f"count [[tokens 9]] [[rate {1 / (TIMEOUT_SECONDS * 20):.3f}]]",
    failure=Failure(504, "upstream_timeout"),
    stream=True,
    words=1,
)
_CUT = Task(
    "an answer that is cut", "text", "count [[tokens 9]] [[cut 3]]", failure=_BROKEN, words=3
)
_ANSWERS = (
    Task(
        "text",
        "text",
        "hello there [[usage cached=1 reasoning=2]]",
        "You said: hello there",
        Counts(input=2, output=6, cached=1, reasoning=2),
    ),
    Task(
        "tools, two at once",
        "tools",
        'look up [[call search {"n": 1}]] [[call search {"n": 2}]]',
        counts=Counts(input=2, output=4),
    ),
    Task("JSON by a schema", "json", "as JSON [[json]]", '{"n":0}', Counts(input=2, output=1)),
    Task("an image", "image", "look here", "You said: look here", Counts(input=2, output=4)),
)
_VECTORS = Task("vectors", "vectors", "one two three", counts=Counts(input=3))


def _streamed(tasks: Sequence[Task]) -> list[Task]:
    return [task._replace(stream=True) for task in tasks]


TASKS: tuple[Task, ...] = (
    *_ANSWERS,
    *_streamed(_ANSWERS),
    _VECTORS,
    *_FAILURES,
    _CUT,
    *_streamed((*_FAILURES, _CUT)),
    SILENT,
    *(task._replace(kind="vectors") for task in _FAILURES),
)
