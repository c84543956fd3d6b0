"""What administrators did, as the page shows it, narrows it, exports it and has it checked."""

import csv
import json
import re
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from chromium import Person
from headgate_server import Caller


async def set_markup(admin: Caller, workspace: str, *percents: int) -> None:
    for percent in percents:
        answer = await admin.send("PUT", f"/v1/workspaces/{workspace}", {"markup": percent / 100})
        assert answer.status == 200, answer.body


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Acts").locator("tbody tr")


async def test_an_act_says_who_did_it_and_how_it_was_before_and_after(
    someone: Person, page: Page, admin: Caller
) -> None:
    """By the keyboard alone."""
    await set_markup(admin, "audit-shown", 1, 7)
    await page.goto(someone.address("audit?target=audit-shown"))
    await expect(rows(page)).to_have_count(2)
    for text in ("Set up workspace", "audit-shown", "with a key", "done"):
        await expect(rows(page).first).to_contain_text(text)
    opener = rows(page).first.get_by_role("button")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(opener).to_have_attribute("aria-expanded", "true")
    shown = page.locator("section").filter(
        has=page.get_by_role("heading", name="Set up workspace", level=2)
    )
    (newest, _) = (await admin.get("/v1/audit", target="audit-shown"))["data"]
    for text in (newest["requestId"], newest["actor"]["keyId"], "workspace.set", "127.0.0.1"):
        await expect(shown).to_contain_text(text)
    change = shown.get_by_role("listitem").filter(has_text="markup")
    await expect(change.get_by_role("deletion")).to_have_text("before: 0.01")
    await expect(change.get_by_role("insertion")).to_have_text("after: 0.07")
    await expect(page).to_have_url(re.compile("act="))
    await page.reload()
    await expect(change.get_by_role("insertion")).to_have_text("after: 0.07")
    await shown.get_by_role("button", name="Close").press("Enter")
    await expect(shown).to_have_count(0)


async def test_a_refused_act_says_why_and_that_nothing_was_changed(
    someone: Person, page: Page, admin: Caller
) -> None:
    assert (await admin.send("DELETE", "/v1/auth/keys/sk-proj-never")).status == 404
    await page.goto(someone.address("audit?target=sk-proj-never"))
    await expect(rows(page).first).to_contain_text("refused")
    await rows(page).first.get_by_role("button").click()
    await expect(page.get_by_role("heading", name="Nothing was changed")).to_be_visible()
    await expect(page.locator(".aside")).to_contain_text("not_found")


async def test_filters_stand_in_the_address_narrow_the_list_and_go_into_the_export(
    someone: Person, page: Page, admin: Caller, tmp_path: Path
) -> None:
    await set_markup(admin, "audit-narrowed", 1, 2)
    assert (await admin.send("DELETE", "/v1/workspaces/audit-narrowed")).status == 200
    await page.goto(someone.address("audit"))
    await page.get_by_label("Target").fill("audit-narrowed")
    await page.keyboard.press("Enter")
    await expect(rows(page)).to_have_count(3)
    await page.get_by_label("Act", exact=True).select_option("Set up workspace")
    await expect(rows(page)).to_have_count(2)
    await expect(page).to_have_url(re.compile(r"action=workspace\.set"))
    for name, read in (("Export CSV", "csv"), ("Export JSON lines", "jsonl")):
        async with page.expect_download() as started:
            await page.get_by_role("link", name=name).click()
        file = await started.value
        assert file.suggested_filename == f"audit.{read}"
        await file.save_as(tmp_path / read)
    with (tmp_path / "csv").open() as table:
        assert [row["target"] for row in csv.DictReader(table)] == ["audit-narrowed"] * 2
    lines = (tmp_path / "jsonl").read_text().splitlines()
    assert [json.loads(line)["after"]["markup"] for line in lines] == [0.02, 0.01]
    await page.get_by_label("Actor").fill("nobody")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No act in this range fits the filter.")).to_be_visible()
    await page.get_by_role("button", name="Clear").click()
    await expect(rows(page).filter(has_text="Sign in").first).to_be_visible()
    await page.get_by_label("From").fill("2020-01-01")
    await page.get_by_label("Until").fill("2020-01-31")
    await page.get_by_label("Until").blur()
    await expect(page.get_by_text("31 Jan 2020, UTC")).to_be_visible()
    await expect(rows(page)).to_have_count(0)


async def test_older_acts_are_a_page_further(someone: Person, page: Page, admin: Caller) -> None:
    await set_markup(admin, "audit-paged", *range(1, 53))
    await page.goto(someone.address("audit?target=audit-paged"))
    await expect(rows(page)).to_have_count(50)
    await page.get_by_role("button", name="Older").click()
    await expect(rows(page)).to_have_count(2)
    await expect(page.get_by_role("button", name="Older")).to_be_disabled()
    await page.get_by_role("button", name="Newer").click()
    await expect(rows(page)).to_have_count(50)
    await expect(page).not_to_have_url(re.compile("cursor="))


async def test_a_new_act_appears_by_itself_and_leaves_what_is_being_typed(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("audit?target=audit-live"))
    await expect(page.get_by_text("No act in this range")).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await page.get_by_label("Actor").fill("half a na")
    await set_markup(admin, "audit-live", 1)
    await expect(rows(page)).to_have_count(1)
    await expect(page.get_by_label("Actor")).to_have_value("half a na")


async def test_the_chain_is_checked_alone_and_against_an_earlier_check(
    someone: Person, page: Page, admin: Caller
) -> None:
    was = await admin.get("/v1/audit/verification")
    await page.goto(someone.address("audit"))
    check = page.get_by_role("button", name="Check the whole log")
    await check.click()
    await expect(page.get_by_role("status").filter(has_text="Intact")).to_be_visible()
    await expect(page.locator(".aside pre")).to_contain_text("headgate audit verify --records")
    await page.get_by_text("Compare with an earlier check").click()
    await page.get_by_label("Records").fill(str(was["records"]))
    await page.get_by_label("Head").fill(was["head"])
    await check.click()
    await expect(page.get_by_role("status").filter(has_text="Intact")).to_be_visible()
    await page.get_by_label("Head").fill("0" * 63 + "1")
    await check.click()
    await expect(page.get_by_role("alert")).to_contain_text(
        f"Not intact: record {was['records']} of"
    )


async def test_where_the_log_cannot_be_read_the_page_says_so(someone: Person, page: Page) -> None:
    someone.expected = ("503",)
    error = {"message": "the store is away", "type": "x", "code": "overloaded", "param": None}
    await page.route(
        re.compile(r"/v1/audit\?"),
        lambda route: route.fulfill(status=503, json={"error": error}),
    )
    await page.goto(someone.address("audit"))
    await expect(page.get_by_role("alert")).to_contain_text("Not loaded: the store is away")
    await expect(page.get_by_role("button", name="Check the whole log")).to_be_visible()
