"""Deleting what is kept of a user."""

from typing import Any, Literal

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.core.times import iso
from headgate.http.calls import Call, Reply

MAX_ID_LENGTH = 128


class ErasureBegun(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a deletion has done by now.

    `removed` counts rows that were deleted or lost their user just now, `waiting` what cannot go
    yet: runs that are being stopped, calls under way.
    """

    user_id: str
    status: Literal["under_way", "done"]
    begun_at: str
    keys_revoked: int
    removed: int
    waiting: int


class ErasureStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a user's data are being deleted."""

    user_id: str
    status: Literal["under_way", "none"]
    begun_at: str | None


async def delete_user_data(call: Call[None]) -> Reply:
    """`DELETE /v1/users/{userId}/data`."""
    begun = await call.services.erasures.begin(_user(call))
    return Reply(
        ErasureBegun(
            user_id=begun.erasure.user_id,
            status="done" if begun.progress.is_over else "under_way",
            begun_at=iso(begun.erasure.begun_at),
            keys_revoked=begun.keys_revoked,
            removed=begun.progress.changed,
            waiting=begun.progress.waiting,
        )
    )


async def get_user_data(call: Call[None]) -> Reply:
    """`GET /v1/users/{userId}/data`."""
    user = _user(call)
    found = await call.services.erasures.of(user)
    if found is None:
        return Reply(ErasureStatus(user, "none", None))
    return Reply(ErasureStatus(user, "under_way", iso(found.begun_at)))


def _user(call: Call[Any]) -> str:
    user = call.params["userId"]
    if len(user) > MAX_ID_LENGTH:
        raise InvalidRequest(f"a user's id has at most {MAX_ID_LENGTH} characters", param="userId")
    return user
