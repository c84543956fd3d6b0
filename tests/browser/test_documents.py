"""Documents are added, found and removed."""

from playwright.async_api import Page, expect

from chromium import Person
from headgate_server import Caller

POLICY = b"# Hotels\n\nHotels cost at most 140 euros a night. Receipts come within 30 days.\n"


async def test_a_document_from_its_file_to_its_end(
    someone: Person, page: Page, admin: Caller
) -> None:
    await page.goto(someone.address("documents"))
    await page.get_by_label("Files").set_input_files(
        {"name": "hotels.md", "mimeType": "text/markdown", "buffer": POLICY}
    )
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("Added hotels.md")).to_be_visible()
    row = page.get_by_role("region", name="All documents").get_by_role("row")
    await expect(row.filter(has_text="hotels.md")).to_contain_text("md")
    await page.get_by_label("Words or a question").fill("What may a hotel cost?")
    await page.get_by_role("button", name="Search").click()
    found = page.locator(".results li").first
    await expect(found).to_contain_text("140 euros")
    await expect(found).to_contain_text("Score")
    await page.get_by_role("button", name="Answer from the documents").click()
    await expect(page.locator("blockquote").first).to_contain_text("140 euros")
    await page.get_by_role("button", name="Remove hotels.md").click()
    await page.get_by_role("button", name="Remove for good").click()
    await expect(row.filter(has_text="hotels.md")).to_have_count(0)
    listed = (await admin.get("/v1/documents"))["data"]
    assert "hotels.md" not in [one["name"] for one in listed]


async def test_a_file_that_is_none_of_the_kinds_is_refused_with_the_reason(
    someone: Person, page: Page
) -> None:
    someone.expected = ("400",)
    await page.goto(someone.address("documents"))
    await page.get_by_label("Files").set_input_files(
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"no pdf at all"}
    )
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("broken.pdf")
