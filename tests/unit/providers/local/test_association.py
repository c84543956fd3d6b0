from headgate.core.words import FUNCTION_WORDS
from headgate.providers.local.association import ALIASES, ASSOCIATIONS, BAD, GOOD, SCRIPTS

SPECIAL = {"positive", "negative", "neutral", "other", "ham", "low", "question"}


def test_every_alias_leads_to_something() -> None:
    known = {*ASSOCIATIONS, *SPECIAL, *FUNCTION_WORDS, *SCRIPTS}
    assert set(ALIASES.values()) <= known


def test_every_family_can_be_asked_for() -> None:
    assert set(ASSOCIATIONS) <= set(ALIASES.values())


def test_no_word_is_both_good_and_bad() -> None:
    assert not GOOD & BAD
