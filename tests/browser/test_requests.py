"""The ledger, call by call."""

import re

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, chat


async def test_a_call_is_shown_with_all_that_the_ledger_has(
    someone: Person, page: Page, admin: Caller
) -> None:
    answer = await admin.send("POST", "/v1/complete", chat("one two three", tags=["browser"]))
    await page.goto(someone.address("requests"))
    first = page.get_by_role("region", name="Calls").get_by_role("row").nth(1)
    await expect(first).to_contain_text("sandbox")
    await first.get_by_role("button").click()
    detail = page.locator("section").filter(has=page.get_by_role("heading", name="One call"))
    for text in (answer.headers["x-request-id"], "sandbox / sandbox", "$0.00001", "browser"):
        await expect(detail).to_contain_text(text)
    assert "event=" in page.url
    await page.reload()
    await expect(detail).to_contain_text(answer.headers["x-request-id"])


async def test_filters_stand_in_the_address_and_narrow_the_list(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("requests"))
    await page.get_by_label("Status").select_option("error")
    rows = page.get_by_role("region", name="Calls").locator("tbody tr")
    await expect(rows.first).to_contain_text("error")
    assert "status=error" in page.url
    await expect(rows.filter(has_not_text="error")).to_have_count(0)
    await page.get_by_label("User").fill("cleo")
    await page.keyboard.press("Enter")
    await expect(rows.filter(has_not_text="cleo")).to_have_count(0)
    await page.get_by_role("button", name="Clear").click()
    await expect(rows).to_have_count(50)


async def test_older_pages_stand_still_while_calls_come(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("requests"))
    rows = page.get_by_role("region", name="Calls").locator("tbody tr")
    await expect(rows).to_have_count(50)

    async def turn(button: str, address: re.Pattern[str]) -> str:
        await page.get_by_role("button", name=button).click()
        await expect(page).to_have_url(address)
        await expect(page.locator(".old")).to_have_count(0)
        return await rows.first.inner_text()

    older, newest = re.compile("cursor="), re.compile("requests$")
    there = await turn("Older", older)
    second = page.url
    await admin.send("POST", "/v1/complete", chat("Hello"))
    assert await turn("Older", re.compile(f"^(?!{re.escape(second)}$).*cursor=")) != there
    assert await turn("Newer", re.compile(re.escape(second))) == there
    await turn("Newer", newest)
    await expect(rows.first).to_contain_text("sandbox")
