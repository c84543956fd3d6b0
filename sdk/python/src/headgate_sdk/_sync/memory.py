# Written by write_sync.py from _async/memory.py: change that, and write this anew.
"""What agents remember: facts of a person, and what was said in a session."""

import datetime as dt
from urllib.parse import quote

from headgate_sdk._sync.connection import Connection
from headgate_sdk.decoding import given, moment
from headgate_sdk.requests import Request, read
from headgate_sdk.types import Fact, Forgotten, Turn

_FACTS = "/v1/agents/memory"


class Memory:
    """What agents know of the key's user, or of the key where it has none; needs `agent:run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, text: str, *, expires_at: str | dt.datetime | None = None) -> Fact:
        """Have agents know something; runs with a `session_id` read what fits their input."""
        body = given({"text": text, "expiresAt": moment(expires_at)})
        return self._connection.ask(Fact, Request(method="POST", path=_FACTS, body=body))

    def update(
        self, fact_id: str, text: str, *, expires_at: str | dt.datetime | None = None
    ) -> Fact:
        """Correct what agents know."""
        body = given({"text": text, "expiresAt": moment(expires_at)})
        path = f"{_FACTS}/{quote(fact_id, safe='')}"
        request = Request(method="PUT", path=path, body=body, repeatable=True)
        return self._connection.ask(Fact, request)

    def delete(self, fact_id: str) -> Forgotten:
        """Have agents forget something."""
        request = Request(method="DELETE", path=f"{_FACTS}/{quote(fact_id, safe='')}")
        return self._connection.ask(Forgotten, request)

    def end_session(self, session_id: str) -> Forgotten:
        """Have agents forget what was said in a session; what they have learnt in it stays."""
        request = Request(method="DELETE", path=_session(session_id))
        return self._connection.ask(Forgotten, request)

    def conversation(self, session_id: str) -> list[Turn]:
        """What was said in a session; nothing where there is no such session."""
        return self._connection.ask_all(Turn, read(_session(session_id)))

    def list(self, *, query: str | None = None) -> list[Fact]:
        """What agents know, the newest first; with a `query`, what fits it best."""
        return self._connection.ask_all(Fact, read(_FACTS, {"query": query}))


def _session(session_id: str) -> str:
    return f"/v1/agents/sessions/{quote(session_id, safe='')}"
