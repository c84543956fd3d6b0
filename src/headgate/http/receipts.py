"""The headers that tell a caller what a metered answer cost and what is left."""

from headgate.core.budgets import Budget
from headgate.core.errors import Standing
from headgate.core.limits import Window
from headgate.core.money import to_text
from headgate.gateway.calls import Receipt, Replayed
from headgate.gateway.replays import Written
from headgate.gateway.works import WorkReceipt
from headgate.http.calls import Headers, Reply

# What an earlier call under the same idempotency key has begun or answered costs nothing again.
REPLAYED: Headers = [(b"x-cost", b"0"), (b"idempotency-replayed", b"true")]


def receipt_headers(receipt: Receipt | Replayed, *, with_cost: bool = True) -> Headers:
    """The headers of a metered answer; a stream's head goes out before the cost is known."""
    if isinstance(receipt, Replayed):
        return _replayed_headers(receipt)
    headers: Headers = [
        (b"x-model", _ascii(receipt.route.model)),
        (b"x-provider", _ascii(receipt.route.provider.provider)),
        *state_headers(receipt),
    ]
    if with_cost and receipt.event is not None:
        headers.append((b"x-cost", to_text(receipt.tried + receipt.event.billed).encode()))
    return headers


def _replayed_headers(replayed: Replayed) -> Headers:
    headers: Headers = [
        *_answerer(replayed.model, replayed.provider),
        (b"x-cache", b"bypass"),
        *REPLAYED,
        *budget_headers(replayed.budget),
    ]
    if replayed.requests is not None and replayed.tokens is not None:
        headers += window_headers(replayed.requests, replayed.tokens)
    return headers


def outcome_headers(receipt: WorkReceipt | Replayed) -> Headers:
    """The headers of a work's answer; a model and its vendor are told where one was called."""
    if isinstance(receipt, Replayed):
        return _replayed_headers(receipt)
    return [
        *_answerer(*receipt.answerer),
        (b"x-cache", b"bypass"),
        *window_headers(receipt.requests, receipt.tokens),
        *budget_headers(receipt.budget),
        (b"x-cost", to_text(receipt.billed).encode()),
    ]


def _answerer(model: str, provider: str) -> Headers:
    if not model:
        return []
    return [(b"x-model", _ascii(model)), (b"x-provider", _ascii(provider))]


def written_reply(written: Written) -> Reply:
    """The reply that carries a whole answer."""
    return Reply(written.body, headers=receipt_headers(written.receipt))


def state_headers(receipt: Receipt) -> Headers:
    """What can be told before it is known who answers: the state of limits and budgets."""
    return [
        (b"x-cache", receipt.cache.encode()),
        *window_headers(receipt.requests, receipt.tokens),
        *budget_headers(receipt.budget),
    ]


def standing_headers(standing: Standing, *, with_budget: bool = True) -> Headers:
    """The headers of an error, where the call had been admitted."""
    return [
        (b"x-cache", standing.cache.encode()),
        *window_headers(standing.requests, standing.tokens),
        *(budget_headers(standing.budget) if with_budget else ()),
        (b"x-cost", to_text(standing.billed).encode()),
    ]


def budget_headers(budget: Budget | None) -> Headers:
    """The tightest budget of a call, where it has one."""
    if budget is None or budget.limit is None:
        return []
    return [
        (b"x-budget-limit", to_text(budget.limit.amount).encode()),
        (b"x-budget-remaining", to_text(budget.remaining or 0).encode()),
    ]


def window_headers(requests: Window, tokens: Window) -> Headers:
    """The state of a key's rate limits."""
    return [
        (b"x-ratelimit-limit-requests", b"%d" % requests.limit),
        (b"x-ratelimit-remaining-requests", b"%d" % requests.remaining),
        (b"x-ratelimit-reset-requests", duration(requests.reset_seconds).encode()),
        (b"x-ratelimit-limit-tokens", b"%d" % tokens.limit),
        (b"x-ratelimit-remaining-tokens", b"%d" % tokens.remaining),
        (b"x-ratelimit-reset-tokens", duration(tokens.reset_seconds).encode()),
    ]


def duration(seconds: float) -> str:
    """A duration as OpenAI writes them: `12ms`, `1s`, `6m0s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds > 0 else "0ms"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _ascii(text: str) -> bytes:
    if text.isascii() and text.isprintable():
        return text.encode()
    # A caller chose the name: nothing in it may end the header.
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"").replace(b"\n", b"")
