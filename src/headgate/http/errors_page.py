"""The page about errors: what each code means, and what its caller does about it."""

import inspect
from typing import NamedTuple

from headgate.core.errors import HeadgateError
from headgate.http.errors import ANTHROPIC_OVERLOADED, ANTHROPIC_TYPES, FAULT, FAULT_CODE, FORMS


class Advice(NamedTuple):
    """What a caller can do, and whether the same request may succeed later."""

    do: str
    retry: str


ADVICE = {
    "invalid_request": Advice(
        "Change what `message` says; `param` names the part of the request where one is at fault.",
        "no",
    ),
    "context_length_exceeded": Advice(
        "Send less, or name a model that reads more; `auto` picks one by the request's length.",
        "no",
    ),
    "invalid_api_key": Advice(
        "Send a key as `Authorization: Bearer KEY`. Where it was revoked, rotated or has expired,"
        " ask an administrator for another one.",
        "no",
    ),
    "budget_exceeded": Advice(
        "`error.budget` says which budget it is. Lower the output limit, wait for the month's end,"
        " or have an administrator raise it.",
        "no: `x-should-retry` is `false`",
    ),
    "insufficient_scope": Advice(
        "Use a key with the scope that the route needs; [Routes](routes.md) says which.", "no"
    ),
    "not_found": Advice(
        "Check the path and the id. What belongs to others does not exist for a key that may not"
        " see it.",
        "no",
    ),
    "model_not_found": Advice(
        "`GET /v1/models` lists what the key may use; `headgate doctor` says which vendors are set"
        " up.",
        "no",
    ),
    "method_not_allowed": Advice("The header `allow` says which methods the path has.", "no"),
    "idempotency_conflict": Advice(
        "Use a new `Idempotency-Key` for a new request; keep one for the same body alone.",
        "no: `x-should-retry` is `false`",
    ),
    "conflict": Advice(
        "Read how the thing stands now, and decide anew.", "no: `x-should-retry` is `false`"
    ),
    "request_too_large": Advice(
        "Send less, or raise `max_body_bytes` under `[limits]` in `headgate.toml`.", "no"
    ),
    "rate_limit_exceeded": Advice(
        "Send fewer at once; the headers `x-ratelimit-…` say what is left. An administrator can"
        " raise the key's limits, but not a vendor's.",
        "yes, after `retry-after` seconds",
    ),
    "upstream_error": Advice(
        "Look at `GET /health` and the server's log: the vendor is away, or refuses the platform's"
        " key. An alias with a second vendor is answered by that one.",
        "yes, a few times, with longer and longer pauses",
    ),
    "overloaded": Advice(
        "The vendor or a store of the platform is busy or away; `message` says which, `GET /health`"
        " how long.",
        "yes, after `retry-after` seconds where they are told, else with longer and longer pauses",
    ),
    "upstream_timeout": Advice(
        "Ask for a shorter answer, stream it, or raise `timeout_seconds` under `[routing]`. The"
        " vendor may bill the try, so it is billed for its input.",
        "yes; it is a new call, with its own cost",
    ),
    FAULT_CODE: Advice(
        "Look in the server's log under the answer's `x-request-id`, and report it.",
        "once; then not before the cause is known",
    ),
}

_HEAD = f"""# Errors

<!-- Written from the code by `make reference`. -->

Every error is `{{"error": {{"message", "type", "code", "param"}}}}`: `message` is for a person,
`code` for a program. Every answer has `x-request-id`, under which the server's log tells more.

Under `/v1/messages` errors have Anthropic's form,
`{{"type": "error", "error": {{"type", "message"}}}}`, and the last column's `type`; `overloaded` is
{ANTHROPIC_OVERLOADED} there.

Where a retry makes sense, send the same `Idempotency-Key`: a call that was made after all is then
answered as it was, and not billed again.

| status | `code` | meaning | what to do | retry | Anthropic's `type` |
|---|---|---|---|---|---|
"""

_FOOT = """
A stream whose head has gone out keeps its status 200; its last event is the error.
"""


def reference() -> str:
    """The page."""
    rows = [
        _row(form.status, error.code, _meaning(error))
        for error, form in sorted(FORMS.items(), key=lambda item: item[1].status)
    ]
    rows.append(_row(FAULT.status, FAULT_CODE, "The platform failed; this is a fault of ours."))
    return _HEAD + "\n".join(sorted(rows)) + "\n" + _FOOT


def _row(status: int, code: str, meaning: str) -> str:
    advice = ADVICE[code]
    kind = ANTHROPIC_TYPES[code]
    return f"| {status} | `{code}` | {meaning} | {advice.do} | {advice.retry} | `{kind}` |"


def _meaning(error: type[HeadgateError]) -> str:
    return (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ")
