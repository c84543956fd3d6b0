"""What must not pass is found, however a text is cut into pieces; what looks like it is left."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.guardrails import (
    LONGEST,
    STEP,
    Blocked,
    Passage,
    Rule,
    card_length,
    checked,
    foreign_hosts,
    iban_length,
    named,
    of_kinds,
)

ALL = (
    *of_kinds(["email", "phone", "card", "iban", "destructive"], "redact"),
    *named([r"(?i)project\s+zeus", r"Z\d{3}"], "redact"),
    *foreign_hosts(["example.com"], "redact"),
)
CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Write to ada@example.org.", "Write to [email]."),
        ("a.b+c@mail.example.co.uk!", "[email]!"),
        (f"Card {CARD}, please", "Card [card], please"),
        ("4111111111111111 12/28", "[card] 12/28"),
        ("5500-0000-0000-0004", "[card]"),
        (f"to {IBAN} BY MONDAY", "to [iban] BY MONDAY"),
        ("GB82WEST12345698765432", "[iban]"),
        ("call +44 113 496 0123 now", "call [phone] now"),
        ("call (415) 555-2671", "call [phone]"),
        ("PROJECT  Zeus starts", "[blocked] starts"),
        ("see https://evil.example/a?b", "see [address]/a?b"),
        ("http://user@10.0.0.1/", "[address]/"),
        ("https://example.com.evil.example", "[address]"),
        ("drop table users;", "[destructive] users;"),
        ("please rm -rf /", "please [destructive] /"),
        ("delete from users;", "[destructive]"),
        ("ada@example.org,bob@example.org", "[email],[email]"),
    ],
)
def test_what_must_not_pass_is_taken_out(text: str, told: str) -> None:
    assert checked(text, ALL) == told


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "GB00WEST12345698765432",
        "order 12345678",
        "version 10.20.30.40",
        "on 2026-11-23 at 12:30",
        "pi is 3.14159265358979",
        "a @ b",
        "see https://example.com/a and https://docs.example.com",
        "the table was dropped from the list",
        "delete from my heart",
        "",
    ],
)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert checked(text, ALL) == text


@pytest.mark.parametrize("rules", [named(["(?i)zeus"], "block"), of_kinds(["card"], "block")])
def test_what_is_blocked_stops_the_text(rules: Sequence[Rule]) -> None:
    with pytest.raises(Blocked) as caught:
        checked(f"Zeus has {CARD}", rules)
    assert caught.value.rule == rules[0].name


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        named(["("], "block")


def test_card_numbers_and_accounts_are_known_by_their_check_digits() -> None:
    assert card_length(CARD + " 12") == len(CARD)
    assert card_length("1234 5678 9012 3456") == 0
    assert iban_length(IBAN) == len(IBAN)
    assert iban_length("XX89370400440532013000") == 0


def pieces_of(text: str, places: Sequence[int]) -> list[str]:
    cuts = sorted({place % (len(text) + 1) for place in places})
    return [text[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def streamed(pieces: Sequence[str], rules: Sequence[Rule] = ALL) -> str:
    passage = Passage(rules)
    return "".join([*(passage.feed(piece) for piece in pieces), passage.end()])


FRAGMENTS = st.sampled_from(
    [
        "ada@example.org",
        CARD,
        CARD.replace(" ", ""),
        IBAN,
        "+44 113 496 0123",
        "Project Zeus",
        "https://evil.example/x",
        "https://example.com",
        "DROP TABLE t",
        "Z123Z456",
        " ",
        "\n",
        "1",
        "4111",
        "@",
        "DE89 3704",
        "the quick brown fox " * 20,
        "x" * LONGEST,
    ]
)


@settings(deadline=None)
@given(
    st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), max_size=12).map("".join),
    st.lists(st.integers(min_value=0), max_size=40),
)
def test_a_stream_gives_what_the_whole_text_gives_wherever_it_is_cut(
    text: str, places: list[int]
) -> None:
    assert streamed(pieces_of(text, places)) == checked(text, ALL)


@settings(deadline=None)
@given(st.lists(FRAGMENTS, max_size=6).map("".join))
def test_letter_by_letter_nothing_slips_through(text: str) -> None:
    assert streamed(list(text)) == checked(text, ALL)


@settings(deadline=None)
@given(
    st.text(max_size=400),
    st.text(max_size=400),
    st.lists(st.integers(min_value=0), max_size=20),
)
def test_a_blocked_word_is_never_told_wherever_it_is_cut(
    before: str, after: str, places: list[int]
) -> None:
    passage, told = Passage(named(["ZEUS"], "block")), ""
    is_stopped = False
    try:
        for piece in pieces_of(f"{before}ZEUS{after}", places):
            told += passage.feed(piece)
        told += passage.end()
    except Blocked:
        is_stopped = True
    assert is_stopped
    assert before.startswith(told)


def test_a_stream_is_held_back_by_no_more_than_the_longest_stretch() -> None:
    passage = Passage(ALL)
    told = passage.feed("word " * 200)
    assert len(told) >= 1000 - LONGEST - STEP
