"""The tutorial is followed word by word, by somebody who has just cloned."""

from pathlib import Path

from scenarios.readme import follow_page

CHECKOUT = Path(__file__).parents[2]


async def test_everything_the_tutorial_says_is_so(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "tutorial.md").read_text()
    count = await follow_page(page, CHECKOUT, tmp_path)
    assert count > 10
