"""Agent runs are followed, decided on and stopped."""

from typing import Any

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller

SUM = '[[call calculator {"expression": "19*23"}]] What is it?'


async def begin(admin: Caller, **fields: Any) -> str:
    body = {"type": "react", "model": "sandbox", "input": SUM, "tools": ["calculator"], **fields}
    answer = await admin.send("POST", "/v1/agents/run", body)
    assert answer.status in {200, 202}, answer.body
    run_id: str = answer.json["runId"]
    return run_id


async def test_a_run_is_shown_with_its_steps_and_what_came_of_it(
    someone: Person, page: Page, admin: Caller
) -> None:
    run_id = await begin(admin, waitSeconds=20)
    await page.goto(someone.address("runs"))
    row = page.get_by_role("row").filter(has_text=run_id)
    await expect(row).to_contain_text("succeeded")
    await row.get_by_role("link").click()
    await expect(page.get_by_text("Results: 437").first).to_be_visible()
    steps = page.get_by_role("list", name="Steps").get_by_role("button")
    await expect(steps).to_have_count(3)
    await steps.nth(1).click()
    await expect(page.get_by_role("heading", name="Called with")).to_be_visible()
    await expect(page.get_by_text('"expression": "19*23"').first).to_be_visible()


async def test_a_new_run_appears_by_itself_and_its_answer_as_it_comes(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("runs"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    run_id = await begin(admin, input="[[tokens 60]] [[rate 20]]", tools=[])
    row = page.get_by_role("row").filter(has_text=run_id)
    await expect(row).to_be_visible()
    await row.get_by_role("link").click()
    answer = page.locator(".answer")
    await expect(answer).not_to_be_empty()
    await expect(page.locator("[data-figure=Status] .value")).to_have_text("Succeeded")
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


async def test_a_call_that_waits_is_approved_with_a_note(
    someone: Person, page: Page, admin: Caller
) -> None:
    run_id = await begin(admin, approvals=["calculator"], budget=0.25)
    await page.goto(someone.address(f"runs/{run_id}"))
    asked = page.locator(".approval")
    await expect(asked).to_contain_text("calculator")
    await expect(asked).to_contain_text("19*23")
    effect = asked.locator(".effect")
    await expect(effect).to_contain_text("Done again, it changes nothing more.")
    await expect(effect).to_contain_text("of its budget is left")
    await expect(effect).to_contain_text("goes on without it")
    await asked.get_by_label("Note to the run").fill("go on")
    await asked.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Results: 437").first).to_be_visible()
    await expect(asked).to_have_count(0)


async def test_a_call_that_is_rejected_is_not_made(
    someone: Person, page: Page, admin: Caller
) -> None:
    run_id = await begin(admin, approvals=["calculator"])
    await page.goto(someone.address(f"runs/{run_id}"))
    await page.get_by_role("button", name="Reject").click()
    await expect(page.locator("[data-figure=Status] .value")).not_to_have_text("Waiting")
    run = await admin.get(f"/v1/agents/runs/{run_id}")
    assert "437" not in str(run["output"])


async def test_a_run_is_cancelled(someone: Person, page: Page, admin: Caller) -> None:
    run_id = await begin(admin, input="[[delay 60000]] late", tools=[])
    await page.goto(someone.address(f"runs/{run_id}"))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("[data-figure=Status] .value")).to_have_text("Cancelled")
