"""Asking models from the page."""

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, eventually


async def clipboard(page: Page) -> str:
    found: str = await page.evaluate("navigator.clipboard.readText()")
    return found


async def test_an_answer_comes_with_its_time_and_its_cost(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("playground?a=sandbox"))
    await page.get_by_label("Your question").fill("one two three")
    await page.get_by_role("button", name="Ask").click()
    answer = page.locator("section").filter(has=page.get_by_role("heading", name="sandbox"))
    await expect(answer).to_contain_text("You said: one two three")
    await expect(answer).to_contain_text("3 in, 5 out")
    await expect(answer).to_contain_text("$0.000013")
    (event, *_) = (await admin.get("/v1/usage/events", limit=1))["data"]
    assert event["useCase"] == "playground"
    await expect(answer).to_contain_text(f"${event['billed']}")


async def test_two_models_answer_side_by_side(someone: Person, page: Page) -> None:
    await page.goto(someone.address("playground"))
    await page.get_by_label("Model", exact=True).select_option("sandbox")
    await page.get_by_label("Beside it").select_option("local")
    await page.get_by_label("Your question").fill("[[say two answers]] What is the time?")
    await page.keyboard.press("Control+Enter")
    for model in ("sandbox", "local"):
        answer = page.locator("section").filter(has=page.get_by_role("heading", name=model))
        await expect(answer).to_contain_text(f"Answered by {model} / {model}")
    assert "a=sandbox" in page.url
    assert "b=local" in page.url


async def test_a_failure_is_told_where_the_answer_would_be(someone: Person, page: Page) -> None:
    someone.expected = ("502",)
    await page.goto(someone.address("playground?a=sandbox"))
    await page.get_by_label("Your question").fill("[[fail 500]]")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("alert")).to_contain_text("Failed")
    await expect(page.get_by_role("alert")).to_contain_text("req_")


async def test_an_answer_can_be_stopped(someone: Person, page: Page, admin: Caller) -> None:
    await page.goto(someone.address("playground?a=sandbox"))
    await page.get_by_label("Your question").fill("[[tokens 2000]] [[rate 20]]")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator(".answer")).to_contain_text("word", ignore_case=True)
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_text("Stopped; what was produced is billed")).to_be_visible()

    async def newest() -> str:
        (event, *_) = (await admin.get("/v1/usage/events", limit=1))["data"]
        status: str = event["status"]
        return status

    assert await eventually(newest, lambda status: status == "cancelled")


async def test_the_same_can_be_asked_from_a_program(someone: Person, page: Page) -> None:
    await someone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(someone.address("playground?a=sandbox"))
    await page.get_by_label("Your question").fill("it's me")
    for name, words in (
        ("Python", f'base_url="{someone.url}/v1"'),
        ("TypeScript", f'baseURL: "{someone.url}/v1"'),
        ("curl", "it'\\''s me"),
    ):
        await page.get_by_role("button", name=f"Copy as {name}").click()
        await expect(page.get_by_text("Copied").last).to_be_visible()
        # What was copied before may still be said to be.
        copied = await eventually(lambda: clipboard(page), lambda text: words in text)  # noqa: B023 - awaited in the loop
        assert '"sandbox"' in copied
