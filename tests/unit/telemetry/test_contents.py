"""What was asked and answered, as it stands in the log."""

import logging
from pathlib import Path
from typing import Any

import pytest

from headgate.core.contents import Content, Said
from headgate.telemetry.contents import CONTENTS, MOST_CHARACTERS, ContentLog
from headgate.telemetry.logs import FIELDS
from headgate.telemetry.masking import Masker

LOG = ContentLog(Masker(["a known secret"]))


def whole(text: str) -> Said:
    return Said(text, is_whole=True)


CONTENT = Content("req_1", "WS", "/v1/stream", None, whole("Why?"), whole("So a known secret."))


def lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [getattr(record, FIELDS) for record in caplog.records]


def test_a_line_names_its_request_and_has_what_was_said_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, CONTENTS):
        LOG.tell(CONTENT)
    assert lines(caplog) == [
        {
            "requestId": "req_1",
            "method": "WS",
            "route": "/v1/stream",
            "asked": "Why?",
            "answered": "So [secret].",
        }
    ]


def test_the_guide_shows_every_field(caplog: pytest.LogCaptureFixture) -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/observability.md").read_text()
    with caplog.at_level(logging.INFO, CONTENTS):
        LOG.tell(CONTENT._replace(key_id="sk-proj-one"))
    assert [name for name in lines(caplog)[0] if f'"{name}"' not in guide] == []
    assert CONTENTS in guide


def test_nothing_is_made_of_it_where_such_lines_are_not_wanted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, CONTENTS):
        LOG.tell(CONTENT)
    assert not caplog.records


def test_of_a_long_text_its_beginning_and_its_end_are_told() -> None:
    shown = LOG.shown(whole("a " * MOST_CHARACTERS + "b " * MOST_CHARACTERS))
    assert shown.startswith("a a a")
    assert shown.endswith("b b ")
    assert MOST_CHARACTERS <= len(shown) < MOST_CHARACTERS + 40
    assert f"[… {3 * MOST_CHARACTERS + 1} characters …]" in shown
    assert LOG.shown(whole("a" * MOST_CHARACTERS)) == "a" * MOST_CHARACTERS
    assert LOG.shown(whole("a" * 3 * MOST_CHARACTERS)) == "[… 12000 characters …]"


@pytest.mark.parametrize("shift", range(-30, 5))
def test_a_secret_that_is_cut_in_two_is_not_told_in_parts(shift: int) -> None:
    half = MOST_CHARACTERS // 2
    secret = " sk-proj-abcdefgh-0123456789 "
    for text in (
        "x " * (half // 2 + shift) + secret + "y " * 9000,
        "y " * 9000 + secret + "x " * (half // 2 + shift),
    ):
        shown = LOG.shown(whole(text))
        assert not [part for part in ("sk-", "proj", "abcd", "0123", "789") if part in shown]


def test_an_image_leaves_room_for_the_words_around_it() -> None:
    image = "data:image/png;base64," + "iVBOR" * 10_000
    assert LOG.shown(whole(f'["see","{image}","there"]')) == (
        '["see","data:image/png;base64,…","there"]'
    )


def test_of_a_text_that_was_cut_off_the_last_word_is_not_told() -> None:
    assert LOG.shown(Said('say "sk-pro', is_whole=False)) == 'say "…'
    assert LOG.shown(Said("sk-pro", is_whole=False)) == "…"
