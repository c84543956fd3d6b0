"""What each page of the dashboard asks when it is opened, and while it is open.

A test opens every page in a browser and holds what it asks against this list, so that no question
of a page goes unmeasured.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from usage_questions import Question

_RANGED = {"from": "", "to": ""}
_IDS = re.compile(r"/(run_[0-9a-f]+|workspaces/[^/]+)(?=/|$)")


class Ask(NamedTuple):
    """A request of a page. Of its query only `groupBy` and what narrows a list is fixed.

    Attributes:
        days: over how long it asks, or so many hours where it is `hours`.
    """

    path: str
    query: Mapping[str, str] = {}
    days: int | None = None
    hours: int | None = None

    @property
    def signature(self) -> str:
        """By which a request of a browser is known to be this one."""
        query = {**self.query, **(_RANGED if self.days or self.hours else {})}
        return signature(f"{self.path}?{urlencode(query)}")


def _usage(by: str | None, days: int = 7) -> Ask:
    return Ask("/v1/usage", {} if by is None else {"groupBy": by}, days)


_LATENCY = "/v1/usage/latency"
_EVENTS = "/v1/usage/events"
_BUDGETS = Ask("/v1/usage/budgets")
_PROCESS = Ask("/v1/process")
PAGES: Mapping[str, Sequence[Ask]] = {
    "Overview": (_usage("day"), _usage("model"), _usage("user"), _usage(None)),
    "Real time": (
        Ask(_LATENCY, {"bucketSeconds": "60"}, hours=1),
        Ask(_EVENTS, {"from": "", "limit": "20"}),
        Ask(_EVENTS, {"from": "", "limit": "10", "status": "error"}),
        _PROCESS,
        Ask("/v1/agents/runs", {"limit": "200"}),
    ),
    "Budgets": (_BUDGETS, _usage("day", 30), _usage("user", 30), Ask("/v1/usage/projection")),
    "Agent runs": (Ask("/v1/agents/runs", {"limit": "50"}),),
    "Agent run": (
        Ask("/v1/agents/runs/{id}"),
        Ask("/v1/agents/runs/{id}/events", {"after": "0"}),
        Ask("/v1/tools"),
    ),
    "Requests": (
        _usage("day"),
        Ask(_EVENTS, {"limit": "50"}, 7),
        Ask(_EVENTS, {"limit": "50", "status": "error"}, 7),
    ),
    "Health": (
        Ask(_LATENCY, {"bucketSeconds": "3600"}, hours=24),
        _PROCESS,
        Ask("/v1/health"),
        Ask("/v1/slo", {"window": "24h"}),
    ),
    "Playground": (Ask("/v1/models"),),
    "Prompts": (Ask("/v1/prompts"),),
    "Prompt": (Ask("/v1/prompts/summarize"), Ask("/v1/prompts")),
    "Documents": (Ask("/v1/documents", {"limit": "50"}),),
    "Keys": (Ask("/v1/auth/keys", {"limit": "50", "withLastUse": "true"}), _usage("key")),
    "Workspaces": (Ask("/v1/workspaces", {"limit": "200"}), _usage("workspace"), _BUDGETS),
    "Providers": (
        Ask("/v1/providers"),
        Ask("/v1/providers", {"userId": "user-000"}),
        _usage("provider"),
    ),
    "Audit": (Ask("/v1/audit", {"limit": "50"}, 7), Ask("/v1/audit/verification")),
    "All pages": (Ask("/v1/session"), Ask("/v1/live")),
}
"""By their titles."""
_LONGER = 30
_WITH_RANGE = {"Overview", "Requests", "Keys", "Workspaces", "Providers", "Audit"}


def signature(url: str) -> str:
    """What a request asks for, whoever asks it about which time, of whom, and how much of it."""
    found = urlsplit(url)
    path = _IDS.sub("/{id}", found.path)
    query = parse_qsl(found.query, keep_blank_values=True)
    named = sorted(
        f"{name}={value}" if name in {"groupBy", "status"} else name for name, value in query
    )
    return f"{path}?{'&'.join(named)}" if named else path


def known(title: str) -> set[str]:
    """The signatures of what a page is known to ask."""
    return {ask.signature for ask in (*PAGES[title], *PAGES["All pages"])}


def questions(now: dt.datetime, run_id: str) -> list[Question]:
    """What the pages ask at a moment, over their usual range and over thirty days."""
    found: list[Question] = []
    for title, asks in PAGES.items():
        for ask in asks:
            spans = [ask.days]
            if ask.days and title in _WITH_RANGE:
                spans.append(_LONGER)
            found += [_question(title, ask, days, now, run_id) for days in spans]
    return found


def _question(title: str, ask: Ask, days: int | None, now: dt.datetime, run_id: str) -> Question:
    query = dict(ask.query)
    if days or ask.hours:
        length = dt.timedelta(hours=ask.hours or 24 * (days or 0))
        query |= {"from": _iso(now - length), "to": _iso(now)}
    elif "from" in query:
        query["from"] = _iso(now - dt.timedelta(days=1))
    over = f", {days} days" if days else f", {ask.hours} hours" if ask.hours else ""
    path = ask.path.replace("{id}", run_id)
    fixed = {name: value for name, value in ask.query.items() if value}
    what = ask.path + (f" {urlencode(fixed)}" if fixed else "")
    return Question(f"{title}: `{what}`{over}", f"{path}?{urlencode(query)}" if query else path)


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
