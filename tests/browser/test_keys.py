"""A key from its making to its end."""

import re

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, Headgate, chat


async def shown_secret(page: Page) -> str:
    """The secret in the dialog that shows it once."""
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("shown this once")
    secret = (await dialog.locator("pre").first.inner_text()).strip()
    await expect(dialog.locator("pre").nth(1)).to_contain_text(f"Bearer {secret}")
    await dialog.get_by_role("button", name="Close").click()
    # Closed first and taken out of the page after it: what is hidden may still be in there.
    await expect(page.locator("dialog")).to_have_count(0)
    return secret


async def status_with(headgate: Headgate, key: str) -> int:
    async with headgate.caller(key) as caller:
        return (await caller.send("POST", "/v1/complete", chat("Hello"))).status


async def test_a_key_is_made_used_rotated_and_revoked(
    someone: Person, page: Page, admin: Caller, headgate: Headgate
) -> None:
    await page.goto(someone.address("keys"))
    await page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("browser test")
    await dialog.get_by_label("User", exact=True).fill("dora")
    await dialog.get_by_label("US dollars a month").fill("2.5")
    await dialog.get_by_label("Requests a minute").fill("120")
    await dialog.get_by_role("button", name="Create").click()
    first = await shown_secret(page)
    assert first not in await page.content()
    keys = page.get_by_role("region", name="All keys")
    row = keys.get_by_role("row").filter(has_text="browser test")
    for text in ("dora", "$2.50 a month", "120 req. a minute", "never", "Active"):
        await expect(row).to_contain_text(text)
    assert await status_with(headgate, first) == 200
    await expect(row).to_contain_text("s ago")
    await row.get_by_role("button", name="Rotate").click()
    await dialog.get_by_label("The old secret works for").select_option("0")
    await dialog.get_by_role("button", name="Make a new secret").click()
    second = await shown_secret(page)
    assert second != first
    assert await status_with(headgate, first) == 401
    assert await status_with(headgate, second) == 200
    await row.get_by_role("button", name="Revoke").click()
    await dialog.get_by_role("button", name="Revoke for good").click()
    await expect(row).to_contain_text("Revoked")
    await expect(row.get_by_role("button")).to_have_count(0)
    assert await status_with(headgate, second) == 401


async def test_escape_leaves_a_question_and_nothing_happens(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("keys"))
    await page.get_by_role("button", name="Revoke sample support-bot").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    key = await admin.get("/v1/auth/keys/sk-proj-samplesupportbot")
    assert key["revokedAt"] is None


async def test_an_old_secret_is_marked_and_no_longer_once_it_was_rotated(
    someone: Person, page: Page, headgate: Headgate
) -> None:
    """The sample keys are thirty days old, and twenty are allowed."""
    await page.goto(someone.address("keys"))
    rows = page.get_by_role("region", name="All keys").get_by_role("row")
    row = rows.filter(has_text="sample translator")
    mark = row.get_by_text("Rotation due")
    await expect(mark).to_be_visible()
    await expect(row).to_contain_text("secret 30 d ago")
    await expect(page.get_by_text(re.compile(r"^\d+ due for rotation$"))).to_be_visible()
    await row.get_by_role("button", name="Rotate").click()
    await page.get_by_role("button", name="Make a new secret").click()
    secret = await shown_secret(page)
    await expect(mark).to_have_count(0)
    assert await status_with(headgate, secret) == 200
