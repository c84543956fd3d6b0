"""Getting in, staying in, getting out."""

import re
from pathlib import Path

from playwright.async_api import Browser, expect

from chromium import Person, person
from headgate_server import Caller, Headgate, running


def link(headgate: Headgate) -> str:
    """The link that the platform's start printed."""
    found: str = re.findall(r"http://\S+/dashboard/login#\S+", headgate.command.output)[0]
    return found


async def test_the_printed_link_signs_in_once(browser: Browser, tmp_path: Path) -> None:
    """On a platform of its own: the link is good for some minutes only."""
    with running(tmp_path) as platform:
        async with person(browser, platform.url) as stranger:
            address = link(platform)
            page = await stranger.tab()
            await page.goto(address)
            await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
            assert page.url == stranger.address()
            await page.get_by_role("button", name="Sign out").click()
            stranger.expected = ("401",)
            await page.goto(address)
            await expect(page.get_by_role("alert")).to_contain_text("used before")


async def test_signing_in_asks_for_one_thing(stranger: Person) -> None:
    page = await stranger.tab("budgets")
    await expect(page.locator("input:visible")).to_have_count(1)
    await expect(page.get_by_label("Admin key")).to_be_focused()
    await expect(page.get_by_role("link")).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_a_wrong_key_is_told_where_it_was_typed(stranger: Person) -> None:
    stranger.expected = ("401",)
    page = await stranger.tab("")
    await page.get_by_label("Admin key").fill("sk-proj-nobody-nothing")
    await page.get_by_label("Admin key").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The API key is not valid")
    await expect(page.get_by_role("alert")).to_contain_text("req_")


async def test_a_key_without_the_scope_does_not_get_in(stranger: Person, admin: Caller) -> None:
    stranger.expected = ("403",)
    key = await admin.new_key(scopes=["usage:read"])
    page = await stranger.tab("")
    await page.get_by_label("Admin key").fill(key["apiKey"])
    await page.get_by_label("Admin key").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("admin")


async def test_no_script_can_read_the_session(stranger: Person, headgate: Headgate) -> None:
    page = await stranger.sign_in(headgate.admin_key)
    assert await page.evaluate("document.cookie") == ""
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert headgate.admin_key not in kept
    (cookie,) = await stranger.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


async def test_a_session_lasts_over_tabs_and_reloads_and_ends_in_all(
    stranger: Person, headgate: Headgate
) -> None:
    first = await stranger.sign_in(headgate.admin_key)
    second = await stranger.tab("")
    await expect(second.get_by_role("heading", level=1)).to_have_text("Overview")
    await first.reload()
    await expect(first.get_by_role("heading", level=1)).to_have_text("Overview")
    # What the other tab is asking for just then is refused, which browsers complain about.
    stranger.expected = ("401",)
    await first.get_by_role("button", name="Sign out").click()
    await expect(first.get_by_label("Admin key")).to_be_visible()
    await second.reload()
    await expect(second.get_by_label("Admin key")).to_be_visible()


async def test_revoking_the_key_shows_everybody_the_door(stranger: Person, admin: Caller) -> None:
    stranger.expected = ("401", "403")
    key = await admin.new_key(scopes=["admin"])
    page = await stranger.sign_in(key["apiKey"])
    answer = await admin.send("DELETE", f"/v1/auth/keys/{key['keyId']}")
    assert answer.status == 200
    await expect(page.get_by_label("Admin key")).to_be_visible()
