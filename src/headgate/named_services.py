"""Services that `headgate.toml` names, with the secrets that it only names the variables of."""

from collections.abc import Mapping
from typing import NamedTuple

from headgate.configuration import Configuration
from headgate.variables import Secret


class McpProgram(NamedTuple):
    """An MCP server behind a URL, or a program that is started, with what it is trusted with."""

    name: str
    url: str | None
    command: tuple[str, ...]
    token: Secret | None
    environment: dict[str, Secret]


class CompatibleVendor(NamedTuple):
    """A `[vendors.…]` section with its key; without one, requests carry no credential."""

    name: str
    base_url: str
    api_key: Secret | None
    models: tuple[str, ...]


def compatible_vendors(
    configuration: Configuration, texts: Mapping[str, str]
) -> tuple[CompatibleVendor, ...]:
    """The vendors of `[vendors.…]`."""
    vendors = []
    for name, vendor in configuration.vendors.items():
        key = texts.get(vendor.api_key_env, "").strip() if vendor.api_key_env else ""
        api_key = Secret(key) if key else None
        vendors.append(CompatibleVendor(name, vendor.base_url.rstrip("/"), api_key, vendor.models))
    return tuple(vendors)


def mcp_servers(configuration: Configuration, texts: Mapping[str, str]) -> tuple[McpProgram, ...]:
    """The servers of `[tools.mcp.…]`."""
    servers = []
    for name, server in configuration.tools.mcp.items():
        token = texts.get(server.api_key_env, "").strip() if server.api_key_env else ""
        given = {each: Secret(texts[each]) for each in server.environment if each in texts}
        servers.append(
            McpProgram(name, server.url, server.command, Secret(token) if token else None, given)
        )
    return tuple(servers)
