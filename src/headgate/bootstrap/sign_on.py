"""The part of `bootstrap` that joins single sign-on: which provider, and who gets in."""

from typing import TYPE_CHECKING

from headgate.bootstrap.platform_secret import platform_secret
from headgate.cli.findings import Finding
from headgate.core.errors import HeadgateError
from headgate.core.sign_on import Challenge, RoleRules
from headgate.http.sign_on import CALLBACK
from headgate.identity.sessions import Sessions
from headgate.identity.sign_on import SignOn
from headgate.settings import Settings
from headgate.transport.http import HttpClient

if TYPE_CHECKING:
    from headgate.oidc.provider import OidcProvider


def make_sign_on(settings: Settings, sessions: Sessions, client: HttpClient) -> SignOn | None:
    """Single sign-on as the settings say; None where they say nothing of it."""
    section = settings.configuration.sign_on
    provider = _provider(settings, client)
    if provider is None:
        return None
    return SignOn(
        provider,
        sessions,
        RoleRules(section.admin_groups, section.viewer_groups, _of_workspaces(settings)),
        f"{section.public_url.rstrip('/')}{CALLBACK}",
        lambda: platform_secret(settings, "single sign-on needs"),
    )


async def check_sign_on(settings: Settings) -> Finding:
    """Whether the identity provider answers as it must."""
    client = HttpClient()
    try:
        provider = _provider(settings, client)
        if provider is None:
            return Finding("ok", "not set up; the dashboard takes admin keys")
        await provider.address(Challenge("state", "nonce", "verifier"), "https://127.0.0.1/")
    except HeadgateError as error:
        return Finding("fail", error.message, "Check [sign_on] in headgate.toml.")
    finally:
        await client.aclose()
    return Finding("ok", settings.configuration.sign_on.issuer)


def _of_workspaces(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The groups whose members administer one workspace, by the workspace."""
    found = settings.configuration.workspaces.items()
    return {name: each.admin_groups for name, each in found if each.admin_groups}


def _provider(settings: Settings, client: HttpClient) -> "OidcProvider | None":
    section, secret = settings.configuration.sign_on, settings.oidc_client_secret
    if not section.issuer:
        return None
    # It loads what reads tokens and all of its cryptography, needed only where there is a provider.
    from headgate.oidc.provider import OidcProvider, ProviderOptions

    options = ProviderOptions(
        issuer=section.issuer,
        client_id=section.client_id,
        secret=None if secret is None else secret.reveal(),
        user_claim=section.user_claim,
        groups_claim=section.groups_claim,
        scopes=section.scopes,
    )
    return OidcProvider(client, options)
