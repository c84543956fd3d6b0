"""Single sign-on as people see it: the button, the way to the identity provider, and back.

The dashboard is opened as `localhost` and the provider as 127.0.0.1, which are different sites to a
browser, as they are in a company. Nothing of a page may be refused by its own policy on the way.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from chromium import NARROW, Person, fresh, overflow, violations
from headgate.core.sign_on import RoleRules
from headgate.http.sign_on import CALLBACK
from headgate.identity.sign_on import SignOn
from headgate.oidc.provider import OidcProvider, ProviderOptions
from headgate.transport.http import HttpClient
from oidc_server import oidc_server
from platform_in_memory import Platform, make_key, platform
from servers import serve

BUTTON = "Sign in with single sign-on"
CHANGES = re.compile("^(Create|Set|Rotate|Revoke|Change|Add|Remove|Ask|Search|Pause|Cancel)")
# The provider's pages look for their style there, which no test may wait for.
ELSEWHERE = re.compile(r"^https://cdn\.")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def issuer() -> AsyncIterator[str]:
    async with oidc_server() as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def company(issuer: str) -> AsyncIterator[tuple[Platform, str]]:
    """A platform where administrators and viewers come from the provider, and its address."""
    client = HttpClient()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":  # it lives already
            await running.app(scope, receive, send)

    async with platform() as running, serve(app) as address:
        url = address.replace("127.0.0.1", "localhost")
        services: Any = running.services
        options = ProviderOptions(issuer, "headgate", secret="the provider takes any")
        sign_on = SignOn(
            OidcProvider(client, options),
            services.sessions,
            RoleRules(admin=("ops",), viewer=("staff",)),
            f"{url}{CALLBACK}",
            lambda: b"a secret of the tests",
        )
        object.__setattr__(services, "sign_on", sign_on)
        yield running, url
    await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(
    browser: Browser, company: tuple[Platform, str], issuer: str
) -> AsyncIterator[Person]:
    """Someone with a fresh browser, whose pages ask the platform and the provider alone."""
    _, url = company
    async with fresh(browser) as context:
        await context.route(
            ELSEWHERE, lambda route: route.fulfill(body="", content_type="text/css")
        )
        found = Person(context, url)
        yield found
        found.strangers = {
            asked
            for asked in found.strangers
            if not asked.startswith(issuer) and not ELSEWHERE.match(asked)
        }
        found.check()


async def signed_in(visitor: Person, who: str) -> Page:
    """A tab that went to the provider by the button, and came back for `who`."""
    page = await visitor.tab("")
    await page.get_by_role("link", name=BUTTON).click()
    await page.get_by_role("button", name=who, exact=True).click()
    return page


async def test_the_button_stands_below_the_field_for_keys(visitor: Person) -> None:
    """Where nobody signs people in there is no link at all; see `test_sign_in.py`."""
    page = await visitor.tab("")
    await expect(page.get_by_label("Admin key")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name=BUTTON)).to_be_focused()
    assert await violations(page) == []


async def test_an_administrator_comes_back_signed_in_and_signs_out(visitor: Person) -> None:
    page = await signed_in(visitor, "ada")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert page.url == visitor.address()
    await expect(page.locator(".who")).to_have_text("Ada")
    await page.get_by_role("link", name="Keys", exact=True).click()
    await page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("made by ada")
    await dialog.get_by_role("button", name="Create").click()
    await expect(dialog).to_contain_text("shown this once")
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("link", name="Audit", exact=True).click()
    acts = page.get_by_role("region", name="Acts").get_by_role("row")
    await expect(acts.filter(has_text="Create key")).to_contain_text("Ada")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
    assert await visitor.context.cookies() == []


async def test_a_viewer_sees_all_and_is_offered_nothing_to_change(
    visitor: Person, company: tuple[Platform, str]
) -> None:
    running, _ = company
    await make_key(running, name="somebody's")
    limit = {"scope": "user", "id": "ada", "monthlyBudget": 5}
    assert (await running.call("PUT", "/v1/usage/budget", limit)).status == 200
    order = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
    run = (await running.call("POST", "/v1/agents/run", order)).json["runId"]
    page = await signed_in(visitor, "bob")
    await expect(page.get_by_text("Viewer: you see everything and change nothing")).to_be_visible()
    links = page.get_by_role("navigation").get_by_role("link")
    titles = await links.all_inner_texts()
    assert {"Keys", "Agent runs", "Prompts", "Documents", "Audit"} <= set(titles)
    assert "Playground" not in titles
    main = page.get_by_role("main")
    for title in titles:
        await links.filter(has_text=re.compile(f"^{title}$")).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(page.locator("[aria-busy]")).to_have_count(0)
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(main.get_by_role("button", name=CHANGES)).to_have_count(0)
    for path, shown in ((f"runs/{run}", "Steps"), ("prompts/summarize", "Blocks")):
        await page.goto(visitor.address(path))
        await expect(page.get_by_role("heading", name=shown).first).to_be_visible()
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(main.get_by_role("button", name=CHANGES)).to_have_count(0)
    await page.goto(visitor.address("keys"))
    await expect(page.get_by_role("row").filter(has_text="somebody's")).to_be_visible()
    assert (await running.call("POST", f"/v1/agents/runs/{run}/cancel")).status == 200


async def test_a_workspaces_administrator_is_shown_and_offered_what_is_theirs(
    visitor: Person, company: tuple[Platform, str]
) -> None:
    """No page asks for what it would be refused, and a key is issued in the workspace."""
    running, _ = company
    lead = await make_key(running, name="lead", scopes=["workspace:admin"], workspaceId="acme")
    page = await visitor.sign_in(lead)
    await expect(page.get_by_text("Administrator of the workspace acme")).to_be_visible()
    links = page.get_by_role("navigation").get_by_role("link")
    titles = await links.all_inner_texts()
    assert {"Keys", "Agent runs", "Playground", "Workspaces", "Audit"} <= set(titles)
    assert {"Health", "Providers"}.isdisjoint(titles)
    for title in titles:
        await links.filter(has_text=re.compile(f"^{title}$")).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(page.locator("[aria-busy]")).to_have_count(0)
        await expect(page.get_by_role("alert")).to_have_count(0)
    await page.goto(visitor.address("keys"))
    await page.get_by_role("button", name="Create a key").click()
    await expect(page.get_by_label("administer its workspace")).to_have_count(0)
    await expect(page.get_by_role("textbox", name="Workspace")).to_be_disabled()
    await page.get_by_role("textbox", name="Name").fill("acme's own")
    await page.get_by_role("textbox", name="User").fill("acme:ada")
    await page.get_by_role("button", name="Create", exact=True).click()
    await page.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("row").filter(has_text="acme's own")).to_contain_text("acme:ada")


async def test_who_is_in_no_group_is_told_why(visitor: Person) -> None:
    visitor.expected = ("403",)
    page = await signed_in(visitor, "eve")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    await expect(page.locator("main")).to_contain_text("eve@example.com is in no group")
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        assert await violations(page) == []
    await page.set_viewport_size(NARROW)
    assert await overflow(page) == 0
    await page.get_by_role("link", name="Back to signing in").click()
    await expect(page.get_by_role("link", name=BUTTON)).to_be_visible()


async def test_who_turns_back_at_the_provider_is_told_so(visitor: Person) -> None:
    visitor.expected = ("401",)
    page = await visitor.tab("")
    await page.get_by_role("link", name=BUTTON).click()
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator("main")).to_contain_text("did not sign you in")
