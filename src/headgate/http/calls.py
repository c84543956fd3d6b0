"""What a handler gets and what it gives back."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from headgate.core.answers import AnswerKey, answer_key
from headgate.core.errors import InvalidRequest
from headgate.core.keys import VirtualKey
from headgate.gateway.calls import Caller
from headgate.http.services import Services

B = TypeVar("B")

Headers: TypeAlias = list[tuple[bytes, bytes]]

MOST_TAGS = 10
MOST_TAG_LENGTH = 64
MOST_KEY_LENGTH = 255

_VISIBLE = re.compile(rb"[!-~]+")


class Call(msgspec.Struct, Generic[B], frozen=True):
    """One request, decoded and authorised.

    Attributes:
        route: the method and path of its row in the route table.
        key: whose key it came with; None only on routes that need none.
        local_address: the address of ours at which it came in.
        client_address: the address of whoever connected to us.
        is_closing: whether the server stops, and waits for an answer without an end of its own.
        ends_at: when its answer has to be over, on the clock of the event loop; None where there is
            time.
        headers: by lower-case name; the last of several.
        raw: the body as it came.
        upload_bytes: the room for uploads that it takes until it is answered.
    """

    services: Services
    route: str
    request_id: str
    headers: Mapping[bytes, bytes]
    params: Mapping[str, str]
    query: Any
    body: B
    raw: bytes
    key_or_none: VirtualKey | None
    local_address: str = ""
    client_address: str = ""
    is_closing: Callable[[], bool] = lambda: False
    ends_at: float | None = None
    upload_bytes: int = 0

    @property
    def key(self) -> VirtualKey:
        """Whose key it came with."""
        if self.key_or_none is None:
            raise RuntimeError("a route that needs no key asked for it")
        return self.key_or_none

    def header(self, name: bytes) -> str | None:
        """A header's text."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def last_event_id(self) -> int | None:
        """The number of the last event that the caller has seen of a stream.

        Raises:
            InvalidRequest: it is none.
        """
        last = self.header(b"last-event-id")
        if last is None:
            return None
        if not (last.isascii() and last.isdigit() and len(last) < 16):
            raise InvalidRequest("Last-Event-ID is the number of an event", param="Last-Event-ID")
        return int(last)

    def caller(self, *, tags: list[str] | None = None, use_case: str | None = None) -> Caller:
        """Who calls, with the labels of the body or, where that is a vendor's, of the headers.

        With an `Idempotency-Key` the call is made once.

        Raises:
            InvalidRequest: a label or the idempotency key is too long, or there are too many.
        """
        if tags is None and (listed := self.header(b"x-headgate-tags")):
            tags = [tag.strip() for tag in listed.split(",") if tag.strip()]
        tags = _checked(tags) if tags else []
        use_case = use_case or self.header(b"x-headgate-use-case")
        if use_case is not None and len(use_case) > MOST_TAG_LENGTH:
            raise InvalidRequest(
                f"a use case has at most {MOST_TAG_LENGTH} characters", param="useCase"
            )
        return Caller(
            key=self.key,
            request_id=self.request_id,
            tags=tuple(tags),
            use_case=use_case,
            answer_key=self._answer_key(),
            wants_fresh=self._wants_fresh(),
            ends_at=self.ends_at,
        )

    def _wants_fresh(self) -> bool:
        """Whether `Cache-Control` says to leave the cache alone."""
        listed = self.header(b"cache-control")
        if listed is None:
            return False
        words = {word.strip() for word in listed.lower().split(",")}
        return not words.isdisjoint({"no-cache", "no-store"})

    def _answer_key(self) -> AnswerKey | None:
        given = self.headers.get(b"idempotency-key")
        if given is None:
            return None
        if not 0 < len(given) <= MOST_KEY_LENGTH or not _VISIBLE.fullmatch(given):
            raise InvalidRequest(
                f"an Idempotency-Key has 1 to {MOST_KEY_LENGTH} visible ASCII characters",
                param="Idempotency-Key",
            )
        return answer_key(self.key.key_id, self.route, given.decode(), self.raw)


def _checked(tags: list[str]) -> list[str]:
    """The tags, each of them once."""
    once = list(dict.fromkeys(tags))
    if len(once) > MOST_TAGS or any(not 0 < len(tag) <= MOST_TAG_LENGTH for tag in once):
        raise InvalidRequest(
            f"tags are at most {MOST_TAGS}, each of 1 to {MOST_TAG_LENGTH} characters",
            param="tags",
        )
    return once


class Reply(msgspec.Struct, frozen=True):
    """A whole answer: a value to encode as JSON, or bytes of another type."""

    body: Any
    status: int = 200
    headers: Headers = []
    content_type: bytes = b"application/json"


class StreamReply(msgspec.Struct, frozen=True):
    """Server-sent events, or a file in parts; the generator is closed when the caller leaves."""

    frames: AsyncGenerator[bytes, None]
    headers: Headers = []
    content_type: bytes = b"text/event-stream; charset=utf-8"


Handler: TypeAlias = Callable[[Call[Any]], Awaitable[Reply | StreamReply]]
