from typing import Any

import msgspec
import pytest

from headgate.core.errors import InvalidRequest
from headgate.http.lists import PageQuery, behind, last_seen, page


def query(**given: Any) -> PageQuery:
    """The query as the dispatcher decodes it, from texts."""
    return msgspec.convert(given, PageQuery, strict=False)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_page_that_holds_all_is_the_last(size: int) -> None:
    items = list("ab"[:size])
    assert page(items, 2, items) == {"data": items, "nextCursor": None}


def test_one_item_more_than_asked_for_says_that_there_is_another_page() -> None:
    found = page(["A", "B", "C"], 2, ["a", "b", "c"])
    assert found["data"] == ["A", "B"]
    assert last_seen(found["nextCursor"]) == "b"


def test_pages_follow_each_other_without_a_gap_or_a_repeat() -> None:
    """New items come in front, so they shift nothing behind a cursor."""
    names = ["e", "d", "c", "b", "a"]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        start = 0 if cursor is None else names.index(last_seen(cursor)) + 1
        found = names[start : start + 3]
        answer = page(found, 2, found)
        seen += answer["data"]
        cursor = answer["nextCursor"]
        names.insert(0, f"new {len(names)}")
        if cursor is None:
            break
    assert seen == ["e", "d", "c", "b", "a"]


def test_a_page_has_fifty_items_unless_asked_for_others() -> None:
    assert query() == PageQuery(limit=50, cursor=None)
    assert query(limit="200", cursor="x") == PageQuery(limit=200, cursor="x")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1.5", ""])
def test_a_page_has_from_one_to_two_hundred_items(limit: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        query(limit=limit)


@pytest.mark.parametrize("cursor", ["", "x" * 257])
def test_a_cursor_is_neither_empty_nor_endless(cursor: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        query(cursor=cursor)


@pytest.mark.parametrize("name", ["evt_1", "sk-proj-ab.c", "ü", "x" * 200])
def test_a_cursor_leads_behind_its_item(name: str) -> None:
    assert last_seen(page([1, 2], 1, [name, "z"])["nextCursor"]) == name


@pytest.mark.parametrize("wrong", ["", "x", "evt_1", ".", "evt_1.", "evt_1.00000000", "ü.\udcff"])
def test_what_no_list_gave_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidRequest, match="nextCursor") as refusal:
        last_seen(wrong)
    assert refusal.value.param == "cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    assert behind("evt_1", "evt_") == "evt_1"
    assert behind(None, "evt_") is None
    with pytest.raises(InvalidRequest):
        behind("unc_1", "evt_")
