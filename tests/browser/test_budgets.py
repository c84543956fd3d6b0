"""Budgets are set on the page, and hold."""

import re

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, Headgate, chat


async def test_a_budget_that_is_set_here_is_hit_there(
    someone: Person, page: Page, admin: Caller, headgate: Headgate
) -> None:
    key = await admin.new_key()
    await page.goto(someone.address("budgets"))
    await page.get_by_role("button", name="Set a budget").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("For a", exact=True).select_option("key")
    await dialog.get_by_label("Id").fill(key["keyId"])
    await dialog.get_by_label("US dollars a month").fill("0.001")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    row = page.get_by_role("row").filter(has_text=key["keyId"])
    await expect(row).to_contain_text("$0.0010")
    await expect(row).to_contain_text("hard")
    body = chat("[[tokens 490]]", maxTokens=490)
    async with headgate.caller(key["apiKey"]) as caller:
        assert (await caller.send("POST", "/v1/complete", body)).status == 200
        answer = await caller.send("POST", "/v1/complete", body)
    assert (answer.status, answer.error["code"]) == (402, "budget_exceeded")
    await expect(row.get_by_role("img")).to_have_attribute(
        "aria-label",
        # How far it is heading depends on the day of the month.
        re.compile(rf"^key {key['keyId']}: (99|100) % used, heading for [1-9]\d{{2,3}} %$"),
    )
    await row.get_by_role("button", name="Change").click()
    await page.get_by_role("button", name="Remove the limit").click()
    await expect(row).to_have_count(0)
    async with headgate.caller(key["apiKey"]) as caller:
        assert (await caller.send("POST", "/v1/complete", body)).status == 200


async def test_what_is_shown_is_what_the_interface_says(
    someone: Person, page: Page, admin: Caller
) -> None:
    budgets = (await admin.get("/v1/usage/budgets"))["data"]
    before = await admin.get("/v1/usage/projection")
    await page.goto(someone.address("budgets"))
    for budget in budgets:
        row = page.get_by_role("row").filter(has_text=f"{budget['scope']} {budget['id']}")
        await expect(row).to_contain_text(f"${budget['spent']:.2f}")
        await expect(row).to_contain_text(f"${budget['monthlyBudget']:.2f}")
        await expect(row).to_contain_text("hard" if budget["hard"] else "soft")
    await expect(page.get_by_text("Heading for $")).to_be_visible()
    after = await admin.get("/v1/usage/projection")
    # The same spend over a longer time is heading for less.
    seen = "|".join(f"{told['projected']:.2f}" for told in (before, after))
    await expect(page.get_by_text("Heading for $")).to_contain_text(re.compile(rf"\$({seen})"))


async def test_a_budget_that_cannot_be_says_why(someone: Person, page: Page) -> None:
    someone.expected = ("400",)
    await page.goto(someone.address("budgets"))
    await page.get_by_role("button", name="Set a budget").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Id").fill("ada")
    await dialog.get_by_label("US dollars a month").fill("1e15")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("monthlyBudget")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
