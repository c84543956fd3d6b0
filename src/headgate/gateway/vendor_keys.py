"""Users' own keys for vendors: set, told of, and put into the routes of their owner's calls.

A key is opened only to call the vendor that it was set for, on behalf of the user who set it. A
user with a key for a vendor never calls that vendor with the platform's: a key that is refused, or
that can no longer be opened, is their own to mend.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from headgate.core.errors import InvalidRequest, NotFound, Overloaded, UpstreamFailed
from headgate.core.keys import VirtualKey
from headgate.core.models import Provider, ProviderError, ProviderRefused, TakesKeys
from headgate.core.readings import Readings
from headgate.core.vendor_keys import Place, Sealer, VendorKey, VendorKeyStore
from headgate.gateway.catalog import Route

# Older than this they are read again, so that a change reaches every process in time.
FRESH_SECONDS = 0.5
MOST_REMEMBERED = 50_000
LAST = 4


class _Own(NamedTuple):
    """A user's key, and the vendor as it is called with it."""

    key: VendorKey
    provider: Provider


_Brought: TypeAlias = _Own | VendorKey | Overloaded
"""A key that was opened, one that cannot be, or one that cannot be now, and why."""


class OwnKeys(NamedTuple):
    """What one caller brings: a key each for some `vendors`."""

    vendors: frozenset[str]
    by_vendor: Mapping[str, _Brought]

    def applied(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """The routes as this caller takes them.

        Raises:
            UpstreamFailed: one of the keys can no longer be opened.
            Overloaded: one of them cannot be opened now.
        """
        if not self.vendors:
            return routes
        return tuple(
            route
            if (found := self.by_vendor.get(route.provider.provider)) is None
            else replace(route, provider=_opened(found), is_own=True)
            for route in routes
        )


NO_KEYS = OwnKeys(frozenset(), {})


class _Known(NamedTuple):
    read_at: float
    own: OwnKeys


@dataclass(slots=True)
class VendorKeys:
    """The users' own vendor keys.

    Attributes:
        providers: the vendors by their names, those that the platform has no key for included.
        make_sealer: called once, when there is something to seal or to open; raises `Overloaded`
            where the settings do not let anything be sealed.
    """

    store: VendorKeyStore
    providers: Mapping[str, Provider]
    make_sealer: Callable[[], Sealer]
    clock: Callable[[], float] = time.time
    _known: dict[str, _Known] = field(default_factory=dict)
    _readings: Readings[OwnKeys] = field(default_factory=lambda: Readings(FRESH_SECONDS))
    _sealer: Sealer | None = None

    async def put(self, user_id: str, provider: str, api_key: str) -> VendorKey:
        """Keep a user's key for a vendor, sealed.

        Raises:
            NotFound: there is no such vendor.
            InvalidRequest: the vendor takes no keys.
            Overloaded: it cannot be sealed, or the store is away.
        """
        self._vendor(provider)
        key = VendorKey(
            user_id=user_id,
            provider=provider,
            sealed=await self._seals().seal(api_key, Place(user_id, provider)),
            last_four=api_key[-LAST:],
            set_at=self.clock(),
        )
        await self.store.put(key)
        self._forget(user_id)
        return key

    async def get(self, user_id: str, provider: str) -> VendorKey:
        """What is known of a user's key, which is not told again.

        Raises:
            NotFound: there is none.
        """
        for key in await self.store.of_user(user_id):
            if key.provider == provider:
                return key
        raise NotFound(f"no key for {provider[:64]!r} is set for this user")

    async def drop(self, user_id: str, provider: str) -> VendorKey:
        """Forget a user's key; from then on calls are made with the platform's.

        Raises:
            NotFound: there is none.
        """
        key = await self.get(user_id, provider)
        await self.store.drop(user_id, provider)
        self._forget(user_id)
        return key

    async def of(self, key: VirtualKey) -> OwnKeys:
        """What the owner of `key` brings.

        Raises:
            Overloaded: the store did not say.
        """
        if key.user_id is None:
            return NO_KEYS
        return await self._of_user(key.user_id)

    async def _of_user(self, user_id: str) -> OwnKeys:
        now = self.clock()
        known = self._known.get(user_id)
        if known is not None and now - FRESH_SECONDS < known.read_at <= now:
            return known.own
        return await self._readings.shared(
            user_id, lambda: self._read(user_id, now), now=now, known=self._known
        )

    async def _read(self, user_id: str, now: float) -> OwnKeys:
        # Its own name for what is known: a change meanwhile makes a new dictionary, and what was
        # read before it is then not remembered.
        known_then = self._known
        known = known_then.get(user_id)
        before = {} if known is None else known.own.by_vendor
        own: dict[str, _Brought] = {}
        opening: dict[str, Awaitable[_Brought]] = {}
        for key in await self.store.of_user(user_id):
            same = before.get(key.provider)
            if isinstance(same, _Own) and same.key == key:
                own[key.provider] = same
                continue
            provider: object = self.providers.get(key.provider)
            if isinstance(provider, TakesKeys):
                opening[key.provider] = self._own(key, provider)
        own |= zip(opening, await asyncio.gather(*opening.values()), strict=True)
        if len(known_then) >= MOST_REMEMBERED:
            known_then.clear()
        brought = OwnKeys(frozenset(own), own) if own else NO_KEYS
        known_then[user_id] = _Known(now, brought)
        return brought

    def _forget(self, user_id: str) -> None:
        """Read a user's keys anew; those of others stay open, since to open them may take long."""
        self._known = {each: known for each, known in self._known.items() if each != user_id}

    async def _own(self, key: VendorKey, provider: TakesKeys) -> _Brought:
        """The vendor as it is called with a user's key, if that can be opened."""
        try:
            secret = await self._seals().open(key.sealed, Place(key.user_id, key.provider))
        except Overloaded as error:
            return error
        return key if secret is None else _Own(key, provider.with_key(secret))

    def _vendor(self, name: str) -> None:
        provider = self.providers.get(name)
        if provider is None:
            known = ", ".join(
                known for known, each in self.providers.items() if isinstance(each, TakesKeys)
            )
            raise NotFound(f"there is no vendor {name[:64]!r} that takes keys; there are: {known}")
        if not isinstance(provider, TakesKeys):
            raise InvalidRequest(f"{name} takes no keys", param="provider")

    def _seals(self) -> Sealer:
        if self._sealer is None:
            self._sealer = self.make_sealer()
        return self._sealer


def owner_of(routes: Sequence[Route], key: VirtualKey) -> str | None:
    """The user with whose own keys some of the routes are called."""
    return key.user_id if any(route.is_own for route in routes) else None


def told(error: ProviderError, route: Route) -> ProviderError:
    """A failure as the caller shall know it: it is their own key that the vendor refused."""
    if not route.is_own or not isinstance(error, ProviderRefused) or error.kind != "unauthorized":
        return error
    vendor = route.provider.provider
    return ProviderRefused(
        "unauthorized",
        f"{vendor} refused your own key, or the account behind it is exhausted: set another with"
        f" PUT /v1/providers/{vendor}/key, or remove it",
    )


def _opened(found: _Brought) -> Provider:
    if isinstance(found, _Own):
        return found.provider
    if isinstance(found, Overloaded):
        # A new one for each caller: they are told how they stand by it.
        raise Overloaded(found.message, retry_after_seconds=found.retry_after_seconds)
    raise UpstreamFailed(
        f"your own key for {found.provider} can no longer be read, since the platform's secret has"
        f" changed: set it again with PUT /v1/providers/{found.provider}/key"
    )
