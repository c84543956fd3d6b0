"""Vendors: which there are, how they do, and whose keys they are called with."""

from typing import Annotated

import msgspec

from headgate.core.models import TakesKeys
from headgate.core.times import iso
from headgate.http.calls import Call, Reply
from headgate.http.system import Trouble


class ProvidersQuery(msgspec.Struct, rename="camel"):
    """With `userId`, what that user's own keys are."""

    user_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class OwnKey(msgspec.Struct, frozen=True, rename="camel"):
    """A user's own key: `lastFour` are its last four characters."""

    last_four: str
    set_at: str


class ProviderItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A vendor. `troubles` are its models that are not well, as the answering process sees them.

    `isConfigured` says whether the platform itself can call it; where not, users with keys of their
    own can, if it `takesKeys`. `ownKey` is the key of the user that was asked about.
    """

    provider: str
    models: int
    is_configured: bool
    takes_keys: bool
    own_key: OwnKey | None
    troubles: dict[str, Trouble]


class ProviderList(msgspec.Struct, frozen=True):
    """All vendors, in the order in which a model's name is looked for."""

    data: list[ProviderItem]


async def list_providers(call: Call[None]) -> Reply:
    """`GET /v1/providers`."""
    query: ProvidersQuery = call.query
    gateway = call.services.gateway
    store = call.services.vendor_keys.store
    own = [] if query.user_id is None else await store.of_user(query.user_id)
    own_keys = {key.provider: OwnKey(key.last_four, iso(key.set_at)) for key in own}
    troubles = gateway.routing.breakers.troubles()
    catalog = gateway.catalog
    return Reply(
        ProviderList(
            [
                ProviderItem(
                    provider=name,
                    models=len(provider.models()),
                    is_configured=name in catalog.providers,
                    takes_keys=isinstance(provider, TakesKeys),
                    own_key=own_keys.get(name),
                    troubles={
                        model: Trouble(found.state, found.last_error, iso(found.since))
                        for model, found in troubles.items()
                        if model.startswith(f"{name}/")
                    },
                )
                for name, provider in {**catalog.keyless, **catalog.providers}.items()
            ]
        )
    )
