"""Pictures of every page in both themes, as the guide shows them.

`make images` has them written into the guide's directory; otherwise they are looked at and dropped.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from chromium import overflow, person
from headgate_server import Caller, Headgate, chat

DIRECTORY = os.environ.get("DASHBOARD_IMAGES")
VIEW = {"width": 1280, "height": 900}
LEAST_BYTES = 15_000

PAGES = {
    "overview": "",
    "real-time": "real-time",
    "budgets": "budgets",
    "runs": "runs",
    "requests": "requests?status=error",
    "health": "health",
    "playground": "playground?a=sandbox&b=local",
    "prompts": "prompts",
    "prompt": "prompts/summarize?block=task",
    "documents": "documents?q=What may a hotel cost?",
    "keys": "keys",
    "providers": "providers?user=eli",
}


@pytest_asyncio.fixture(params=["light", "dark"], loop_scope="session")
async def theme(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def view(theme: str, browser: Browser, headgate: Headgate) -> AsyncIterator[Page]:
    async with person(browser, headgate.url, color_scheme=theme, viewport=VIEW) as someone:
        yield await someone.sign_in(headgate.admin_key)


async def work(admin: Caller) -> str:
    """Some calls of this very minute, and a run that waits; gives the run's id."""
    for number in range(12):
        body = chat(f"[[delay {20 + 15 * number}]] [[tokens 40]]", tags=["image"])
        assert (await admin.send("POST", "/v1/complete", body)).status == 200
    order = {
        "type": "react",
        "model": "sandbox",
        "input": 'May we refund 3 nights? [[call calculator {"expression": "3 * 140"}]]',
        "tools": ["calculator"],
        "approvals": ["calculator"],
        "waitSeconds": 2,
    }
    answer = await admin.send("POST", "/v1/agents/run", order)
    run_id: str = answer.json["runId"]
    return run_id


async def test_every_page_is_worth_a_picture(
    view: Page, theme: str, admin: Caller, headgate: Headgate, tmp_path: Path
) -> None:
    directory = Path(DIRECTORY) if DIRECTORY else tmp_path
    directory.mkdir(parents=True, exist_ok=True)
    run_id = await work(admin)
    for name, path in {**PAGES, "run": f"runs/{run_id}"}.items():
        await view.goto(f"{headgate.url}/dashboard/{path}")
        await expect(view.get_by_role("heading", level=1)).to_be_visible()
        if name == "documents":
            await view.get_by_role("button", name="Search").click()
            await expect(view.locator(".results li").first).to_be_visible()
        if name == "playground":
            question = "A hotel costs at most 140 euros a night. What may a hotel cost?"
            await view.get_by_label("Your question").fill(question)
            await view.get_by_role("button", name="Ask").click()
            await expect(view.locator(".answer[aria-busy]")).to_have_count(0)
        await expect(view.locator("[aria-busy]")).to_have_count(0)
        await view.wait_for_load_state("networkidle" if name == "prompts" else "load")
        await expect(view.get_by_text("Connecting")).to_have_count(0)
        assert await overflow(view) == 0, name
        picture = await view.screenshot(path=directory / f"{name}-{theme}.png")
        assert len(picture) > LEAST_BYTES, name
