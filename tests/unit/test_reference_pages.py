"""What is written from the code is as the code is, and nothing else is in its place."""

from pathlib import Path

import pytest

from headgate.reference_pages import PAGES, REFERENCE, write

ROOT = Path(__file__).parents[2]
WRITTEN_BY_OTHERS = {f"{REFERENCE}/vendors.md"}  # by `make matrix`, from what it measures


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), "run: make reference"


def test_every_page_of_the_reference_is_written_from_the_code() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / REFERENCE).iterdir()}
    assert found == {name for name in PAGES if name.startswith(REFERENCE)} | WRITTEN_BY_OTHERS


def test_all_of_them_are_written_where_none_is_yet(tmp_path: Path) -> None:
    write(tmp_path)
    assert all((tmp_path / name).read_text() == page() for name, page in PAGES.items())
