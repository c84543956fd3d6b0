"""Which vendor's model answers to a name, and at what price."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headgate.core.errors import ModelNotFound
from headgate.core.keys import VirtualKey
from headgate.core.models import Profile, PromptStyle, Provider
from headgate.core.prices import Price, PriceBook

AUTO = "auto"
REFRESH_SECONDS = 10.0
# What a name stands for changes with prices and with what vendors serve, never within a second.
REMEMBER_SECONDS = 1.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """One way to answer: a vendor, its own name for the model, and the price in force.

    Where it `is_own`, the vendor is called with the caller's own key and bills the caller itself.

    Attributes:
        qualified: the id that names the vendor too.
    """

    provider: Provider
    model: str
    price: Price
    is_own: bool = False
    qualified: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Every call names its route several times.
        object.__setattr__(self, "qualified", f"{self.provider.provider}/{self.model}")


@dataclass(slots=True)
class Catalog:
    """The models of all vendors under all their names.

    Attributes:
        providers: by name, in the order in which a bare model id is looked for.
        aliases: names from the configuration, each with its models in order of preference.
        auto: gives what `auto` may pick now for a caller with keys for some vendors, in order of
            preference.
        profile: what is known of a vendor's model.
        keyless: the vendors that the platform has no key for. They are there for callers who have
            one, behind the others.
    """

    providers: Mapping[str, Provider]
    prices: PriceBook
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    auto: Callable[[frozenset[str]], Sequence[str]] = lambda _own: ()
    profile: Callable[[str, str], Profile] = lambda _vendor, _model: Profile()
    keyless: Mapping[str, Provider] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _refreshed_at: float = float("-inf")
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _known: dict[tuple[str, frozenset[str]], tuple[float, tuple[Route, ...]]] = field(
        default_factory=dict
    )

    async def routes(
        self, model: str, key: VirtualKey, own: frozenset[str] = frozenset()
    ) -> tuple[Route, ...]:
        """The ways to answer `model`, in order of preference.

        `own` are the vendors that the caller has keys for.

        Raises:
            ModelNotFound: the model is unknown, has no price, or is not one this key may use.
        """
        found = self._allowed(model, key, own)
        if not found and self._is_old():
            async with self._refreshing:
                # Whoever came first has asked for all who wait here.
                if self._is_old():
                    await self._refresh()
            found = self._allowed(model, key, own)
        if not found:
            raise ModelNotFound(
                f"there is no model {model[:256]!r} that this key may use; "
                "GET /v1/models lists the ones it may",
                param="model",
            )
        return found

    async def refresh(self) -> None:
        """Ask vendors that can change at run time for their models."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        for provider in self.providers.values():
            await provider.refresh()
        self._known.clear()
        self._refreshed_at = self.clock()

    def _is_old(self) -> bool:
        return self.clock() - self._refreshed_at > REFRESH_SECONDS

    def models(self, key: VirtualKey, own: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
        """The ids that `key` may use, each with its vendor's name; no id stands twice."""
        listed: dict[str, str] = {}
        for name in (*self.aliases, AUTO):
            if self._allowed(name, key, own):
                listed[name] = "headgate"
        for provider in self._reachable(own):
            for model in provider.models():
                name = model if model not in listed else f"{provider.provider}/{model}"
                if self._allowed(name, key, own):
                    listed[name] = provider.provider
        return sorted(listed.items())

    def style(self, model: str, key: VirtualKey, own: frozenset[str] = frozenset()) -> PromptStyle:
        """How prompts are best written for `model`; for several by the one to be asked first."""
        routes = self._allowed(model, key, own)
        return self.profile_of(routes[0]).style if routes else Profile().style

    def profile_of(self, route: Route) -> Profile:
        """What is known of a route's model."""
        return self.profile(route.provider.provider, route.model)

    def _allowed(self, model: str, key: VirtualKey, own: frozenset[str]) -> tuple[Route, ...]:
        routes = self._remembered(model, own.intersection(self.keyless) if own else own)
        if key.models is None or model in key.models:
            return routes
        return tuple(
            route for route in routes if route.model in key.models or route.qualified in key.models
        )

    def _remembered(self, model: str, own: frozenset[str]) -> tuple[Route, ...]:
        now = self.clock()
        known = self._known.get((model, own))
        if known is None or not 0 <= now - known[0] < REMEMBER_SECONDS:
            if len(self._known) > MOST_REMEMBERED:
                self._known.clear()  # callers can ask for any name
            known = self._known[model, own] = (now, tuple(self._resolve(model, own)))
        return known[1]

    def _resolve(self, model: str, own: frozenset[str]) -> Iterator[Route]:
        targets = self.auto(own) if model == AUTO else self.aliases.get(model)
        for target in (model,) if targets is None else targets:
            route = self._route(target, own)
            if route is not None:
                yield route

    def _route(self, model: str, own: frozenset[str]) -> Route | None:
        vendor, _, rest = model.partition("/")
        provider = self.providers.get(vendor)
        if provider is None and vendor in own:
            provider = self.keyless[vendor]
        if provider is not None and rest:
            # Naming the vendor says that it knows the model; the price must be known all the same.
            return self._priced(provider, rest)
        for candidate in self._reachable(own):
            if candidate.serves(model) and (route := self._priced(candidate, model)):
                return route
        return None

    def _reachable(self, own: frozenset[str]) -> Iterator[Provider]:
        yield from self.providers.values()
        yield from (provider for name, provider in self.keyless.items() if name in own)

    def _priced(self, provider: Provider, model: str) -> Route | None:
        price = self.prices.price(provider.provider, model)
        # A model without a price would be a free ride.
        return None if price is None else Route(provider, model, price)
