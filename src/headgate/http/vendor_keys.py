"""Users' own keys for vendors, which are set and never told again."""

from typing import Annotated, Any, TypeAlias

import msgspec

from headgate.core.errors import InsufficientScope, InvalidRequest
from headgate.core.times import iso
from headgate.core.vendor_keys import VendorKey
from headgate.http.calls import Call, Reply

UserId: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
# It becomes a header: nothing in it may end that.
ApiKey: TypeAlias = Annotated[str, msgspec.Meta(min_length=8, max_length=512, pattern=r"^[!-~]+\Z")]


class SetVendorKey(msgspec.Struct, rename="camel"):
    """The body of `PUT /v1/providers/{provider}/key`."""

    api_key: ApiKey
    user_id: UserId | None = None


class VendorKeyQuery(msgspec.Struct, rename="camel"):
    """Whose key, for administrators; the caller's own user's by default."""

    user_id: UserId | None = None


class VendorKeyItem(msgspec.Struct, frozen=True, rename="camel"):
    """A user's key for a vendor: `lastFour` are its last four characters."""

    provider: str
    user_id: str
    last_four: str
    set_at: str


async def set_vendor_key(call: Call[SetVendorKey]) -> Reply:
    """`PUT /v1/providers/{provider}/key`."""
    body = call.body
    user = _user(call, body.user_id)
    keys = call.services.vendor_keys
    return Reply(_item(await keys.put(user, call.params["provider"], body.api_key)))


async def get_vendor_key(call: Call[None]) -> Reply:
    """`GET /v1/providers/{provider}/key`."""
    query: VendorKeyQuery = call.query
    user = _user(call, query.user_id)
    return Reply(_item(await call.services.vendor_keys.get(user, call.params["provider"])))


async def delete_vendor_key(call: Call[None]) -> Reply:
    """`DELETE /v1/providers/{provider}/key`."""
    query: VendorKeyQuery = call.query
    user = _user(call, query.user_id)
    return Reply(_item(await call.services.vendor_keys.drop(user, call.params["provider"])))


def target(call: Call[Any]) -> str:
    """Which key is set or deleted, and whose, as the audit log names it.

    Raises:
        InsufficientScope, InvalidRequest: as for the act itself.
    """
    return f"{call.params['provider']}:{_user_meant(call)}"


async def shown(call: Call[Any]) -> Reply:
    """The key that is there before the act."""
    user = _user_meant(call)
    return Reply(_item(await call.services.vendor_keys.get(user, call.params["provider"])))


def _user_meant(call: Call[Any]) -> str:
    wanted: SetVendorKey | VendorKeyQuery = call.query if call.body is None else call.body
    return _user(call, wanted.user_id)


def _user(call: Call[Any], wanted: str | None) -> str:
    """The user whose key is meant.

    Raises:
        InsufficientScope: it is another's, or the caller's key belongs to no user.
        InvalidRequest: an administrator's key belongs to no user, and none is named.
    """
    key = call.key
    if key.may("admin"):
        user = wanted or key.user_id
        if user is None:
            raise InvalidRequest(
                "your key belongs to no user: say whose with userId", param="userId"
            )
        return user
    if key.user_id is None:
        raise InsufficientScope(
            "this key belongs to no user, so it has no vendor keys: an administrator can set a"
            " user's"
        )
    if wanted not in {None, key.user_id}:
        raise InsufficientScope("only an administrator sets the vendor keys of other users")
    return key.user_id


def _item(key: VendorKey) -> VendorKeyItem:
    return VendorKeyItem(key.provider, key.user_id, key.last_four, iso(key.set_at))
