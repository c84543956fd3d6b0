"""The overview tells what the ledger says."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, Headgate, chat


def figure(page: Page, name: str) -> Any:
    return page.locator(f"[data-figure='{name}'] .value")


async def week(admin: Caller, **query: Any) -> dict[str, Any]:
    """The usage of the last seven days, as the default range has them."""
    end = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end += dt.timedelta(days=1)
    start = end - dt.timedelta(days=7)
    found: dict[str, Any] = await admin.get(
        "/v1/usage", **{"from": start.isoformat(), "to": end.isoformat(), **query}
    )
    return found


async def test_figures_are_the_ledgers_for_the_same_range(page: Page, admin: Caller) -> None:
    totals = (await week(admin))["totals"]
    assert totals["requests"] > 100
    await expect(figure(page, "Requests")).to_have_text(f"{totals['requests']:,}")
    await expect(figure(page, "Billed")).to_have_text(f"${totals['billed']:,.2f}")
    rate = 1 - Decimal(totals["errors"]) / totals["requests"]
    await expect(figure(page, "Success rate")).to_have_text(f"{rate * 100:.2f} %")


async def test_the_chart_can_be_read_as_a_table(page: Page, admin: Caller) -> None:
    rows = (await week(admin, groupBy="day"))["rows"]
    table = page.get_by_role("table", name="Requests per day")
    cells = await table.locator("tbody tr").all_inner_texts()
    assert len(cells) == 7
    succeeded = sum(int(row.split("\t")[1].replace(",", "")) for row in cells)
    assert succeeded == sum(row["requests"] - row["errors"] for row in rows)


async def test_models_and_users_are_those_of_the_ledger(page: Page, admin: Caller) -> None:
    for dimension, name in (("model", "Tokens by model"), ("user", "Cost by user")):
        rows = (await week(admin, groupBy=dimension))["rows"]
        table = page.get_by_role("table", name=name)
        names = await table.locator("tbody th").all_inner_texts()
        assert set(names) == {row[dimension] or "no user" for row in rows}


async def test_the_range_is_shown_and_stands_in_the_address(page: Page) -> None:
    await expect(page.locator(".range-text")).to_contain_text("UTC")
    await page.get_by_role("button", name="24 hours").click()
    await expect(page.get_by_role("heading", name="Requests per hour")).to_be_visible()
    assert "range=24h" in page.url
    await page.reload()
    await expect(page.get_by_role("button", name="24 hours")).to_have_attribute(
        "aria-pressed", "true"
    )


async def test_a_chart_is_read_with_the_arrow_keys(page: Page) -> None:
    plot = page.get_by_role("group", name="Requests per day")
    await plot.focus()
    await page.keyboard.press("End")
    today = dt.datetime.now(dt.UTC)
    await expect(page.locator(".legend .moment")).to_have_text(f"{today.day} {today:%b}")
    await page.keyboard.press("ArrowLeft")
    yesterday = today - dt.timedelta(days=1)
    await expect(page.locator(".legend .moment")).to_have_text(f"{yesterday.day} {yesterday:%b}")


async def test_a_completion_appears_within_three_seconds(page: Page, admin: Caller) -> None:
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    before = (await week(admin))["totals"]["requests"]
    await expect(figure(page, "Requests")).to_have_text(f"{before:,}")
    answer = await admin.send("POST", "/v1/complete", chat("Hello"))
    assert answer.status == 200
    await expect(figure(page, "Requests")).to_have_text(f"{before + 1:,}", timeout=3000)


async def test_seven_tabs_at_once_all_hear(
    someone: Person, page: Page, admin: Caller, headgate: Headgate
) -> None:
    """A browser opens six connections to one address; a stream for each tab would be one more."""
    tabs = [page, *[await someone.tab("") for _ in range(6)]]
    for tab in tabs:
        await expect(tab.get_by_text("Live", exact=True)).to_be_visible()
    before = (await week(admin))["totals"]["requests"]
    await admin.send("POST", "/v1/complete", chat("Hello"))
    for tab in tabs:
        await tab.bring_to_front()
        await expect(figure(tab, "Requests")).to_have_text(f"{before + 1:,}", timeout=3000)
    locks = await page.evaluate("navigator.locks.query()")
    assert len([lock for lock in locks["held"] if lock["name"] == "headgate-live"]) == 1
    assert len([lock for lock in locks["pending"] if lock["name"] == "headgate-live"]) == 6


async def test_when_the_leading_tab_closes_another_takes_over(
    someone: Person, page: Page, admin: Caller
) -> None:
    other = await someone.tab("")
    await expect(other.get_by_text("Live", exact=True)).to_be_visible()
    await page.close()
    before = (await week(admin))["totals"]["requests"]
    await admin.send("POST", "/v1/complete", chat("Hello"))
    await expect(figure(other, "Requests")).to_have_text(f"{before + 1:,}", timeout=5000)
    await expect(other.get_by_text("Live", exact=True)).to_be_visible()


async def test_what_cannot_be_loaded_says_so_where_it_is_missing(
    someone: Person, page: Page
) -> None:
    someone.expected = ("503",)
    error = {
        "message": "the store is away",
        "type": "api_error",
        "code": "overloaded",
        "param": None,
    }
    await page.route(
        "**/v1/usage?*groupBy=user*",
        lambda route: route.fulfill(
            status=503, body=json.dumps({"error": error}), headers={"x-request-id": "req_here"}
        ),
    )
    await page.get_by_role("button", name="30 days").click()
    problem = page.get_by_role("alert")
    await expect(problem).to_contain_text("the store is away")
    await expect(problem).to_contain_text("req_here")
    await expect(page.get_by_role("table", name="Tokens by model")).to_be_visible()
