"""A browser that people use, driven by tests: Debian's Chromium, without a window."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

ADVICE = "chromium is not installed; on Debian: apt-get install chromium"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What a page shows comes at once; a machine that does much else may take long to draw it.
PATIENCE_MILLISECONDS = 60_000
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
ROOT = Path(__file__).parents[1]
STATIC = ROOT / "src" / "headgate" / "dashboard" / "static"
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser; where none is installed the test is skipped, but in CI it fails."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        # A user who is not root cannot have it installed by `make test`.
        pytest.skip(ADVICE)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*OPTIONS])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Person:
    """Someone at a browser of their own, whose pages must be quiet and ask this platform alone.

    Attributes:
        complaints: what pages wrote to the console as warnings and errors, and what they threw.
        expected: words of complaints that the test brings about by itself.
    """

    context: BrowserContext
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    expected: tuple[str, ...] = ()

    async def tab(self, path: str | None = None) -> Page:
        """A new tab, at a page of the dashboard where one is named."""
        page = await self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        if path is not None:
            await page.goto(self.address(path))
        return page

    def address(self, path: str = "") -> str:
        """The address of a page of the dashboard."""
        return f"{self.url}/dashboard/{path}" if path else f"{self.url}/dashboard"

    async def sign_in(self, key: str) -> Page:
        """A tab at the overview, signed in with a key as a person does it."""
        page = await self.tab("")
        await page.get_by_label("Admin key").fill(key)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("heading", name="Overview", level=1).wait_for()
        return page

    def check(self) -> None:
        """Fail where a page complained or asked another host."""
        unexpected = [
            complaint
            for complaint in self.complaints
            if not any(words in complaint for words in self.expected)
        ]
        assert not unexpected
        assert not self.strangers

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"warning", "error"}:
            self.complaints.append(f"{message.type}: {message.text} {message.location['url']}")

    def _asked(self, url: str) -> None:
        found = urlsplit(url)
        if (
            found.scheme in {"http", "https", "ws", "wss"}
            and found.netloc != urlsplit(self.url).netloc
        ):
            self.strangers.add(url)


@contextlib.asynccontextmanager
async def fresh(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """A browser without a past."""
    # Colours that fade would be judged on their way.
    usual = {"viewport": WIDE, "locale": "de-DE", "reduced_motion": "reduce"}
    context = await browser.new_context(**usual | options)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    try:
        yield context
    finally:
        await context.close()


@contextlib.asynccontextmanager
async def person(browser: Browser, url: str, **options: Any) -> AsyncIterator[Person]:
    """Someone with a fresh browser; afterwards their pages must have been quiet."""
    async with fresh(browser, **options) as context:
        someone = Person(context, url)
        yield someone
        someone.check()


async def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong with a page as it is, by these rules or by all.

    Each with its rule and the elements.
    """
    source = AXE.read_text()
    # The page's policy forbids scripts of others; the driver may run them all the same.
    await page.evaluate(source + "; undefined")
    found = await page.evaluate(
        "(rules) => axe.run(rules.length ? { runOnly: { type: 'rule', values: rules } } : {})"
        ".then((found) => found.violations)",
        list(rules),
    )
    return [
        f"{item['id']}: {item['help']}: {[node['html'][:160] for node in item['nodes']]}"
        for item in found
    ]


async def overflow(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, wider)
