"""Which vendors the settings name: what serves their models, what these cost, what `auto` may pick.

Each vendor is one function that adds itself to `Vendors`; only `bootstrap` imports this module.
"""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from headgate.bootstrap import bedrock
from headgate.bootstrap.aws_identity import speaks_to_bedrock
from headgate.cli.findings import Finding
from headgate.core.models import Profile, Provider, ProviderError
from headgate.core.prices import Price
from headgate.gateway.catalog import Catalog
from headgate.providers.anthropic import AnthropicProvider, AnthropicVendor
from headgate.providers.bedrock_models import packaged_name
from headgate.providers.cohere import CohereProvider, CohereVendor
from headgate.providers.gemini import GeminiProvider, GeminiVendor
from headgate.providers.local.provider import LOCAL_PRICE, Local
from headgate.providers.openai import OpenAIProvider, OpenAIVendor
from headgate.providers.prices import PackagedVendor, Prices, packaged_models
from headgate.providers.profiles import profile_of
from headgate.providers.sandbox import SANDBOX_PRICE, Sandbox
from headgate.settings import Secret, Settings
from headgate.transport.http import HttpClient

DISCOVERY_SECONDS = 2.0
# How long the doctor waits for a vendor that is silent.
CHECK_IDLE_SECONDS = 5
# OpenAI's documented maxima of output tokens, by the beginning of a model's id.
OPENAI_OUTPUT_TOKENS = {
    "gpt-3.5": 4_096,
    "gpt-4": 8_192,
    "gpt-4-turbo": 4_096,
    "gpt-4o": 16_384,
    "gpt-4o-2024-05-13": 4_096,
    "gpt-4.1": 32_768,
    "gpt-5": 128_000,
    "gpt-6": 128_000,
    "o1": 100_000,
    "o1-preview": 32_768,
    "o1-mini": 65_536,
    "o3": 100_000,
    "o4": 100_000,
}
# What `auto` may pick at OpenAI: the cheapest comes first, large ones where a use case wants them.
OPENAI_EVERYDAY = ("gpt-4o-mini", "gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1")
OPENAI_EMBEDDING = "text-embedding-3-small"
# Anthropic's documented maxima of output tokens, by the beginning of a model's id.
ANTHROPIC_OUTPUT_TOKENS = {
    "claude-v1": 4_096,
    "claude-2": 4_096,
    "claude-3": 4_096,
    "claude-3-5": 8_192,
    "claude-3-7": 64_000,
    "claude-haiku-4": 64_000,
    "claude-sonnet-4": 64_000,
    "claude-sonnet-4-6": 128_000,
    "claude-opus-4": 32_000,
    "claude-opus-4-5": 64_000,
    "claude-opus-4-6": 128_000,
    "claude-opus-4-7": 128_000,
    "claude-opus-4-8": 128_000,
}
ANTHROPIC_EVERYDAY = ("claude-haiku-4-5", "claude-sonnet-4-5")
# Google's documented maxima of output tokens, by the beginning of a model's id.
GEMINI_OUTPUT_TOKENS = {
    "gemini-1": 8_192,
    "gemini-2.0": 8_192,
    "gemini-flash-1": 8_192,
    "gemini-pro": 8_192,
    "gemini-pro-latest": 65_536,
}
GEMINI_EVERYDAY = (
    "gemini-3.1-flash-lite",
    "gemini-3.5-flash-lite",
    "gemini-3.5-flash",
    "gemini-2.5-pro",
)
# Cohere's documented models and maxima of output tokens; the package names families of models.
COHERE_MODELS = (
    "command-a-03-2025",
    "command-r7b-12-2024",
    "command-r-08-2024",
    "command-r-plus-08-2024",
    "c4ai-aya-expanse-8b",
    "c4ai-aya-expanse-32b",
    "embed-v4.0",
)
COHERE_OUTPUT_TOKENS = {
    "command": 4_096,
    "command-a": 32_768,
    "command-a-03": 8_192,
    "command-a-translate": 8_192,
    "command-a-vision": 8_192,
    "c4ai-aya": 4_096,
}
COHERE_EVERYDAY = ("command-r7b-12-2024", "command-r-08-2024", "command-a-03-2025")
# Models inside this process, which no outage can reach.
BUILT_IN = frozenset({"sandbox", "local"})
FREE = Price(input=0, output=0, version="self-hosted")


class Remote(Protocol):
    """A vendor that somebody has set up, and so should answer."""

    async def check(self) -> None:
        """See that the vendor answers and takes the platform's credential; calls no model.

        Raises:
            ProviderError: it does not.
        """
        ...


class RemoteProvider(Provider, Remote, Protocol):
    """A vendor that answers calls and can be checked."""


@dataclass(slots=True)
class Vendors:
    """The vendors that the settings name.

    Attributes:
        providers: by name, in the order in which a bare model id is looked for.
        everyday: by name, what `auto` may pick; all of the vendor's models where it names none.
        remote: those of `providers` that the doctor asks.
        keyless: by name, the vendors that only callers with keys of their own can use.
        fixed, packaged: where the vendors' prices come from, see `Prices`.
    """

    prices: Prices
    fixed: dict[str, Price]
    packaged: dict[str, PackagedVendor]
    providers: dict[str, Provider] = field(default_factory=dict)
    everyday: dict[str, tuple[str, ...]] = field(default_factory=dict)
    remote: dict[str, Remote] = field(default_factory=dict)
    keyless: dict[str, Provider] = field(default_factory=dict)

    def auto(self, own: frozenset[str] = frozenset()) -> list[str]:
        """What `auto` may pick now, the cheapest first; `local` where there is nothing else.

        `own` are the vendors that the caller has keys for.
        """
        found: list[tuple[int, str]] = []
        for name, models in self.everyday.items():
            if name in self.keyless and name not in own:
                continue
            for model in models or self.providers[name].models():
                price = self.prices.price(name, model)
                if price is not None and "embed" not in model:
                    found.append((price.input + price.output, f"{name}/{model}"))
        return [model for _, model in sorted(found)] or ["local/local"]

    def profile(self, vendor: str, model: str) -> Profile:
        """What is known of a vendor's model."""
        return profile_of(self.packaged.get(vendor), model)

    def is_served_elsewhere(self, vendor: str, model: str) -> bool:
        """Whether another vendor says it has a model; a price of its own proves nothing."""
        return any(
            name != vendor and provider.serves(model) for name, provider in self.providers.items()
        )

    def is_listed_elsewhere(self, vendor: str, model: str) -> bool:
        """Whether another vendor lists a model by this very name."""
        return any(
            name != vendor and model in provider.models()
            for name, provider in self.providers.items()
        )


def vendors_of(settings: Settings, client: HttpClient) -> Vendors:
    """The vendors that `settings` name; none of them is called yet."""
    corrections = {
        name: correction.price for name, correction in settings.configuration.prices.items()
    }
    fixed: dict[str, Price] = {"sandbox": SANDBOX_PRICE, "local": LOCAL_PRICE, "ollama": FREE}
    packaged: dict[str, PackagedVendor] = {}
    vendors = Vendors(Prices(corrections, fixed, packaged), fixed, packaged)
    vendors.providers |= {"sandbox": Sandbox(), "local": Local()}
    _add_openai(vendors, settings, client)
    _add_anthropic(vendors, settings, client)
    _add_azure(vendors, settings, client)
    _add_bedrock(vendors, settings, client)
    _add_gemini(vendors, settings, client)
    _add_cohere(vendors, settings, client)
    _add_compatible(vendors, settings, client)
    _add_ollama(vendors, settings, client)
    return vendors


def default_embedding_model(settings: Settings) -> str:
    """What embeds where a caller names no model."""
    if settings.openai_api_key:
        return f"openai/{OPENAI_EMBEDDING}"
    if settings.azure_openai_endpoint:
        return f"azure/{OPENAI_EMBEDDING}"
    if bedrock.everyday_models(settings):
        return f"bedrock/{bedrock.EMBEDDING}"
    return "local/local"


def _add_openai(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    vendors.packaged["openai"] = PackagedVendor(id="openai")
    vendors.everyday["openai"] = OPENAI_EVERYDAY
    vendor = OpenAIVendor(
        name="openai",
        base_url=str(settings.openai_base_url),
        api_key=_revealed(settings.openai_api_key),
        catalog=packaged_models("openai"),
        recognises=lambda model: (
            vendors.prices.price("openai", model) is not None
            and not vendors.is_served_elsewhere("openai", model)
        ),
        limit_field="max_completion_tokens",
        output_tokens=OPENAI_OUTPUT_TOKENS,
    )
    _add_keyed(vendors, "openai", OpenAIProvider(vendor, client), settings.openai_api_key)


def _add_anthropic(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    vendors.packaged["anthropic"] = PackagedVendor(id="anthropic")
    vendors.everyday["anthropic"] = ANTHROPIC_EVERYDAY
    vendor = AnthropicVendor(
        name="anthropic",
        base_url=str(settings.anthropic_base_url),
        api_key=_revealed(settings.anthropic_api_key),
        catalog=packaged_models("anthropic"),
        recognises=lambda model: (
            model.startswith("claude-")
            and vendors.prices.price("anthropic", model) is not None
            and not vendors.is_listed_elsewhere("anthropic", model)
        ),
        output_tokens=ANTHROPIC_OUTPUT_TOKENS,
    )
    _add_keyed(vendors, "anthropic", AnthropicProvider(vendor, client), settings.anthropic_api_key)


def _add_azure(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    if settings.azure_openai_endpoint is None:
        return
    wanted = settings.configuration.azure
    is_alone = settings.openai_api_key is None
    vendors.packaged["azure"] = PackagedVendor(id="azure")
    if wanted.deployments or is_alone:
        # A deployment that nobody has named may not exist, so it is tried where nothing else is.
        vendors.everyday["azure"] = tuple(wanted.deployments) or OPENAI_EVERYDAY
    vendor = OpenAIVendor(
        name="azure",
        base_url=f"{settings.azure_openai_endpoint}/openai{'' if wanted.api_version else '/v1'}",
        api_key=_revealed(settings.azure_openai_api_key),
        key_header="api-key",
        deployments=wanted.deployments,
        api_version=wanted.api_version,
        catalog=frozenset(wanted.deployments) or packaged_models("openai"),
        recognises=lambda model: (
            is_alone
            and not wanted.deployments
            and vendors.prices.price("openai", model) is not None
            and not vendors.is_listed_elsewhere("azure", model)
        ),
        limit_field="max_completion_tokens",
        output_tokens=OPENAI_OUTPUT_TOKENS,
    )
    _add_remote(vendors, "azure", OpenAIProvider(vendor, client))


def _add_bedrock(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    if not speaks_to_bedrock(settings):
        return
    provider = bedrock.bedrock_provider(
        settings,
        client,
        recognises=lambda model: (
            vendors.prices.price("bedrock", model) is not None
            and not vendors.is_listed_elsewhere("bedrock", model)
        ),
        output_tokens=ANTHROPIC_OUTPUT_TOKENS,
    )
    vendors.packaged["bedrock"] = PackagedVendor(id=bedrock.PACKAGE, known_as=packaged_name)
    if models := bedrock.everyday_models(settings):
        vendors.everyday["bedrock"] = models
    _add_remote(vendors, "bedrock", provider)


def _add_gemini(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    # The package counts Google's cloud in, which sells other vendors' models too.
    vendors.packaged["gemini"] = PackagedVendor(id="google")
    vendors.everyday["gemini"] = GEMINI_EVERYDAY
    vendor = GeminiVendor(
        name="gemini",
        base_url=str(settings.gemini_base_url),
        api_key=_revealed(settings.gemini_api_key),
        catalog=frozenset(m for m in packaged_models("google") if m.startswith("gemini-")),
        recognises=lambda model: (
            model.startswith("gemini-")
            and vendors.prices.price("gemini", model) is not None
            and not vendors.is_listed_elsewhere("gemini", model)
        ),
        output_tokens=GEMINI_OUTPUT_TOKENS,
    )
    _add_keyed(vendors, "gemini", GeminiProvider(vendor, client), settings.gemini_api_key)


def _add_cohere(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    vendors.packaged["cohere"] = PackagedVendor(id="cohere")
    vendors.everyday["cohere"] = COHERE_EVERYDAY
    vendor = CohereVendor(
        name="cohere",
        base_url=str(settings.cohere_base_url),
        api_key=_revealed(settings.cohere_api_key),
        catalog=frozenset(COHERE_MODELS),
        recognises=lambda model: (
            model.startswith(("command-", "c4ai-", "embed-"))
            and vendors.prices.price("cohere", model) is not None
            and not vendors.is_listed_elsewhere("cohere", model)
        ),
        output_tokens=COHERE_OUTPUT_TOKENS,
    )
    _add_keyed(vendors, "cohere", CohereProvider(vendor, client), settings.cohere_api_key)


def _add_compatible(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    for row in settings.vendors:
        vendors.packaged[row.name] = PackagedVendor(url=row.base_url)
        if _is_own(row.base_url):
            vendors.fixed[row.name] = FREE
        vendors.everyday[row.name] = row.models
        vendor = OpenAIVendor(
            name=row.name,
            base_url=row.base_url,
            api_key=_revealed(row.api_key),
            catalog=frozenset(row.models),
            discover=not row.models,
        )
        _add_remote(vendors, row.name, OpenAIProvider(vendor, client))


def _add_ollama(vendors: Vendors, settings: Settings, client: HttpClient) -> None:
    vendors.everyday["ollama"] = ()
    ollama = OpenAIVendor(name="ollama", base_url=f"{settings.ollama_base_url}/v1", discover=True)
    vendors.providers["ollama"] = OpenAIProvider(ollama, client)


def _add_keyed(
    vendors: Vendors, name: str, provider: RemoteProvider, api_key: Secret | None
) -> None:
    """Add a vendor that nobody can call without a key."""
    if api_key is None:
        vendors.keyless[name] = provider
    else:
        _add_remote(vendors, name, provider)


def _add_remote(vendors: Vendors, name: str, provider: RemoteProvider) -> None:
    vendors.providers[name] = vendors.remote[name] = provider


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _is_own(base_url: str) -> bool:
    """Whether a server stands in the company's own network, where models cost nothing a call."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal"))


async def check_vendors(settings: Settings) -> Finding:
    """Whether the vendors that somebody has set up answer, and which models there are."""
    client = HttpClient(connect_seconds=DISCOVERY_SECONDS, idle_seconds=CHECK_IDLE_SECONDS)
    try:
        vendors = vendors_of(settings, client)
        await Catalog(vendors.providers, vendors.prices).refresh()
        problems = await asyncio.gather(
            *(_problem(name, vendor) for name, vendor in vendors.remote.items())
        )
    finally:
        await client.aclose()
    if any(problems):
        return Finding(
            "fail",
            "; ".join(filter(None, problems)),
            "Check its key and its address: in the environment, or in headgate.toml.",
        )
    found = _counted(vendors.providers)
    message = ", ".join(found)
    if len(found) == 2:
        return Finding(
            "warn",
            f"{message}; no model vendor",
            "Set a vendor's key such as OPENAI_API_KEY, start Ollama, or add a [vendors.…] section"
            " to headgate.toml.",
        )
    return Finding("ok", message)


def _counted(providers: Mapping[str, Provider]) -> list[str]:
    return [
        f"{name} ({count} models)"
        for name, provider in providers.items()
        if (count := len(provider.models()))
    ]


async def _problem(name: str, vendor: Remote) -> str | None:
    try:
        await vendor.check()
    except ProviderError as error:
        return f"{name}: {error.message}"
    return None
