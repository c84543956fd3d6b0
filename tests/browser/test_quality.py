"""What holds for every page: it is light, quick, readable by everybody, and fits small screens."""

import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from chromium import NARROW, STATIC, Person, overflow, person, violations
from headgate_server import Headgate

PAGES = {
    "": "Overview",
    "real-time": "Real time",
    "budgets": "Budgets",
    "runs": "Agent runs",
    "requests": "Requests",
    "health": "Health",
    "playground": "Playground",
    "prompts": "Prompts",
    "documents": "Documents",
    "keys": "Keys",
    "providers": "Providers",
}
MOST_SCRIPT_BYTES = 80_000
"""Of JavaScript, gzipped, for all pages together."""
FIRST_PAINT_MILLISECONDS = 1000


@pytest_asyncio.fixture(params=["light", "dark"], loop_scope="session")
async def themed(
    request: pytest.FixtureRequest, browser: Browser, headgate: Headgate
) -> AsyncIterator[Page]:
    async with person(browser, headgate.url, color_scheme=request.param) as someone:
        yield await someone.sign_in(headgate.admin_key)


async def test_axe_finds_nothing_wrong(themed: Page, headgate: Headgate) -> None:
    for path, title in PAGES.items():
        await themed.goto(f"{headgate.url}/dashboard/{path}")
        await expect(themed.get_by_role("heading", level=1)).to_have_text(title)
        await themed.wait_for_load_state("load")
        await expect(themed.locator("[aria-busy]")).to_have_count(0)
        assert await violations(themed) == [], title
    await themed.get_by_role("button", name="Sign out").click()
    await expect(themed.get_by_label("Admin key")).to_be_visible()
    assert await violations(themed) == []


async def test_nothing_is_wider_than_a_phone(browser: Browser, headgate: Headgate) -> None:
    async with person(browser, headgate.url, viewport=NARROW) as someone:
        page = await someone.sign_in(headgate.admin_key)
        for path, title in PAGES.items():
            await page.goto(someone.address(path))
            await expect(page.get_by_role("heading", level=1)).to_have_text(title)
            await expect(page.locator("[aria-busy]")).to_have_count(0)
            assert await overflow(page) == 0, title


async def test_on_a_phone_the_pages_are_behind_a_button(
    browser: Browser, headgate: Headgate
) -> None:
    async with person(browser, headgate.url, viewport=NARROW) as someone:
        page = await someone.sign_in(headgate.admin_key)
        await expect(page.get_by_role("link", name="Overview")).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await expect(page.get_by_role("link", name="Overview")).to_be_visible()


async def test_every_page_has_one_heading_and_stands_in_the_navigation(
    someone: Person, page: Page
) -> None:
    for path, title in PAGES.items():
        await page.get_by_role("navigation").get_by_role("link", name=title, exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(page.locator("h1")).to_have_count(1)
        assert page.url.startswith(someone.address(path))
        current = page.locator("nav a[aria-current=page]")
        await expect(current).to_have_text(title)


async def test_an_address_without_a_page_says_so(someone: Person, page: Page) -> None:
    await page.goto(someone.address("nowhere"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Not found")


async def test_a_page_paints_soon(someone: Person, headgate: Headgate) -> None:
    page = await someone.sign_in(headgate.admin_key)
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    painted = await page.evaluate(
        """new Promise((tell) => new PerformanceObserver((list) => {
            const [first] = list.getEntriesByName("first-contentful-paint");
            if (first) tell(first.startTime);
        }).observe({ type: "paint", buffered: true }))"""
    )
    assert painted < FIRST_PAINT_MILLISECONDS


def test_all_scripts_together_are_light() -> None:
    scripts = [path.read_bytes() for path in (STATIC / "assets").glob("*.js")]
    assert scripts
    assert sum(len(gzip.compress(script)) for script in scripts) < MOST_SCRIPT_BYTES


async def test_the_theme_can_be_chosen_and_stays(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.get_by_label("Theme").select_option("dark")
    dark = await page.evaluate(ground)
    assert dark != light
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await page.evaluate(ground) == dark
