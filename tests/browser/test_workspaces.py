"""Workspaces are seen with what holds for them, and set up."""

from decimal import Decimal

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, Headgate, chat


async def test_a_workspace_is_set_up_charged_by_it_limited_and_set_back(
    someone: Person, page: Page, admin: Caller, headgate: Headgate
) -> None:
    await page.goto(someone.address("workspaces"))
    await page.get_by_role("button", name="Set up a workspace").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Workspace", exact=True).fill("finance")
    await dialog.get_by_label("Markup, percent").fill("12.5")
    await dialog.get_by_label("Its tools may reach").select_option("these")
    await dialog.get_by_label("Hosts").fill("api.example.com\n*.example.org")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    row = page.get_by_role("region", name="All workspaces").get_by_role("row")
    row = row.filter(has_text="finance")
    for text in ("12.5 %", "(set here)", "api.example.com, *.example.org", "s ago"):
        await expect(row).to_contain_text(text)
    set_ = await admin.get("/v1/workspaces/finance")
    assert set_["allowedHosts"] == ["api.example.com", "*.example.org"]

    key = await admin.new_key(workspaceId="finance")
    async with headgate.caller(key["apiKey"]) as caller:
        answer = await caller.send("POST", "/v1/complete", chat("one two three"))
    assert answer.status == 200
    (event, *_) = (await admin.get("/v1/usage/events", limit=1))["data"]
    assert event["billed"] == event["cost"] * Decimal("1.125")
    await expect(row.get_by_role("cell").nth(3)).to_have_text("1")

    await row.get_by_role("button", name="Change the budget of finance").click()
    await dialog.get_by_label("US dollars a month").fill("7")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("$7.00 hard")
    await row.get_by_role("button", name="Change the settings of finance").click()
    await dialog.get_by_role("button", name="Back to headgate.toml").click()
    await expect(dialog).to_be_hidden()
    await expect(row).not_to_contain_text("12.5 %")
    assert (await admin.get("/v1/workspaces/finance"))["setHere"] == []


async def test_what_the_file_sets_is_shown_and_what_is_wrong_is_told_where_it_was_typed(
    someone: Person, page: Page
) -> None:
    someone.expected = ("400",)
    await page.goto(someone.address("workspaces"))
    rows = page.get_by_role("region", name="All workspaces").get_by_role("row")
    await expect(rows.filter(has_text="research")).to_contain_text("api.example.com")
    await expect(rows.filter(has_text="support")).to_contain_text("5.0 %")
    await page.get_by_role("button", name="Change the settings of research").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Its tools may reach").select_option("these")
    await dialog.get_by_label("Hosts").fill("https://example.com/path")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("allowedHosts")
