"""Answers that are kept under idempotency keys: values, and the port of the store.

A caller who sends a call again under the same idempotency key gets the first answer again, free of
charge. While a call is under way its process *claims* it, for some seconds at a time, so that what
a dead process had begun is made anew by whoever asks next.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

KEPT_SECONDS = 86_400.0
"""How long an answer can be had again."""


class AnswerKey(NamedTuple):
    """What makes two calls the same: their key, route and idempotency key.

    Attributes:
        id: a digest of these three.
        fingerprint: a digest of the body; the same call comes with the same body.
    """

    id: str
    fingerprint: str


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer as its caller got it.

    Attributes:
        body: of a stream, all of its frames; without what only filled a silence.
        expires_at: Unix seconds; from then on the call would be made anew.
        user_id: the user with whose data it goes; kept, and not told with what is found.
    """

    key: AnswerKey
    model: str
    provider: str
    body: bytes
    expires_at: float
    user_id: str | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is under way: whose it is, and the fingerprint of its body."""

    owner: str
    fingerprint: str


class AnswerStore(Protocol):
    """Where answers are kept. A model's come there in a `Settlement`, with the call's row.

    Every method may raise `Overloaded` when the store is away. Times are Unix seconds.
    """

    async def find(self, call_id: str, *, now: float) -> Claim | KeptAnswer | None:
        """The answer to a call, or the claim on it, without changing anything."""
        ...

    async def claim(
        self, key: AnswerKey, *, owner: str, now: float, until: float
    ) -> Claim | KeptAnswer:
        """The answer to a call; or the claim on it, which is `owner`'s where nobody else has one.

        A claim lasts `until` then unless it is renewed. Where another process has it, the store
        notes that somebody waits for the answer; see `is_awaited`. An owner's own claim is given
        to it again, so an owner does not ask twice at once.
        """
        ...

    async def renew(self, ids: Sequence[str], *, owner: str, until: float) -> None:
        """Keep those claims on calls that are still the owner's."""
        ...

    async def drop(self, call_id: str, *, owner: str) -> None:
        """Let others make the call, if the claim is still the owner's and there is no answer."""
        ...

    async def is_awaited(self, call_id: str, *, since: float) -> bool:
        """Whether another process has asked for the call's answer since then."""
        ...

    async def keep(self, answer: KeptAnswer) -> None:
        """Put an answer that belongs to no row of the ledger in the place of its claim."""
        ...

    async def forget(self, *, now: float) -> None:
        """Remove answers and claims that have expired, as far as the store does not by itself."""
        ...


def answer_key(key_id: str, route: str, idempotency_key: str, body: bytes) -> AnswerKey:
    """The identity of a call; `route` is its method and path."""
    name = f"{key_id}\n{route}\n{idempotency_key}"
    return AnswerKey(hashlib.sha256(name.encode()).hexdigest(), hashlib.sha256(body).hexdigest())
