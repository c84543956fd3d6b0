"""Templates are read, tried and compared."""

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller, eventually


async def test_a_block_is_edited_with_a_preview_that_follows(
    someone: Person, page: Page, admin: Caller
) -> None:
    await someone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    (first, *_) = (await admin.get("/v1/prompts"))["data"]
    await page.goto(someone.address("prompts"))
    await (
        page.get_by_role("region", name="All templates")
        .get_by_role("link", name=first["name"], exact=True)
        .click()
    )
    detail = await admin.get(f"/v1/prompts/{first['name']}")
    block = detail["blocks"][0]
    await page.get_by_label(f"Text of {block['name']}").fill("You are a test of the dashboard.")
    preview = page.locator("section").filter(has=page.get_by_role("heading", name="Preview"))
    await expect(preview).to_contain_text("You are a test of the dashboard.")
    await page.get_by_label("With").select_option("draft")
    changes = page.get_by_role("region", name=f"Changes of {block['name']}")
    await expect(changes.locator(".come")).to_contain_text("You are a test of the dashboard.")
    await page.get_by_role("button", name="Copy the draft as a file").click()
    wanted = detail["template"].replace(block["text"], "You are a test of the dashboard.", 1)

    async def clipboard() -> str:
        found: str = await page.evaluate("navigator.clipboard.readText()")
        return found

    await eventually(clipboard, lambda copied: copied == wanted)


async def test_what_is_wrong_with_a_draft_is_told_and_the_last_preview_stays(
    someone: Person, page: Page, admin: Caller
) -> None:
    someone.expected = ("400",)
    (first, *_) = (await admin.get("/v1/prompts"))["data"]
    await page.goto(someone.address(f"prompts/{first['name']}"))
    preview = page.locator("section").filter(has=page.get_by_role("heading", name="Preview"))
    await expect(preview.locator("pre").first).to_be_visible()
    before = await preview.locator("pre").first.inner_text()
    await page.locator("textarea").first.fill("{{ unclosed")
    await expect(preview.get_by_role("alert")).to_be_visible()
    assert await preview.locator("pre").first.inner_text() == before


async def test_two_versions_stand_side_by_side(someone: Person, page: Page, admin: Caller) -> None:
    await page.goto(someone.address("prompts/greeting"))
    await page.get_by_label("With").select_option("1")
    diff = await admin.get("/v1/prompts/greeting/diff")
    assert [change["part"] for change in diff["changes"]] == ["front matter", "task"]
    changes = page.get_by_role("region", name="Changes of task")
    await expect(changes.locator(".gone")).to_contain_text("Greet the person.")
    await expect(changes.locator(".come")).to_contain_text("Greet the person by name.")
    assert "with=1" in page.url
