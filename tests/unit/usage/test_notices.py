import pytest

from fakes import NOON
from headgate.core.alerts import Mark, Spend
from headgate.core.budgets import Account, Limit
from headgate.core.money import NANO_PER_USD
from headgate.usage.notices import LONGEST_NAME, dollars, notice

KEY = Account("key", "sk-proj-one")


def spend(
    account: Account = KEY, *, dollars: int = 100, spent: int = 81, hard: bool = True
) -> Spend:
    limit = Limit(amount=dollars * NANO_PER_USD, hard=hard)
    return Spend(account, "2026-11", limit, spent * NANO_PER_USD)


MARK = Mark(0.8, 80 * NANO_PER_USD)


def test_a_message_says_whose_budget_how_far_and_what_follows() -> None:
    said = notice(spend(), MARK, name="mobile app", now=NOON)
    assert said.title == 'The budget of key sk-proj-one ("mobile app") has reached 80 %'
    facts = dict(said.facts)
    assert facts["Spent"] == "$81.00 of $100.00 (81 %)"
    # 22.5 of 30 days have passed.
    assert facts["Projected"] == "$108.00 in November 2026"
    assert facts["Resets"] == "2026-12-01 00:00 UTC"
    assert facts["Limit"] == "hard: calls that it cannot cover are refused"


def test_a_soft_limit_says_that_calls_go_on() -> None:
    facts = dict(notice(spend(hard=False), MARK, name=None, now=NOON).facts)
    assert facts["Limit"] == "soft: calls go on, and are counted"


def test_other_budgets_go_by_their_ids() -> None:
    for scope in ("user", "workspace", "model"):
        account = Account(scope, "openai/gpt-4o")
        said = notice(spend(account), MARK, name=None, now=NOON)
        assert said.title == f"The budget of {scope} openai/gpt-4o has reached 80 %"


def test_a_name_cannot_begin_a_line_or_hide_one() -> None:
    said = notice(
        spend(Account("user", "eve\r\nBcc: all@example.com\u202e")),
        MARK,
        name="a\nb\x00c\u2028d",
        now=NOON,
    )
    assert said.title == (
        'The budget of user eve Bcc: all@example.com ("a b c d") has reached 80 %'
    )


def test_a_long_name_is_cut() -> None:
    said = notice(spend(Account("user", "x" * 500)), MARK, name=None, now=NOON)
    assert f"user {'x' * (LONGEST_NAME - 1)}… has" in said.title


def test_a_budget_of_nothing_has_no_percent() -> None:
    facts = dict(notice(spend(dollars=0, spent=1), Mark(1.0, 0), name=None, now=NOON).facts)
    assert facts["Spent"] == "$1.00 of $0"


def test_what_is_nearly_spent_does_not_read_as_all() -> None:
    limit = Limit(amount=10_000)
    facts = dict(notice(Spend(KEY, "2026-11", limit, 9_999), MARK, name=None, now=NOON).facts)
    assert facts["Spent"] == "$0.000009999 of $0.00001 (99.9 %)"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (14_000, "$0.000014"),
        (NANO_PER_USD // 100, "$0.01"),
        (1_239_999_999, "$1.23"),
        (1_234_567 * NANO_PER_USD, "$1,234,567.00"),
    ],
)
def test_dollars_are_written_with_cents_where_there_are_cents(amount: int, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(("share", "text"), [(0.07, "7 %"), (0.333, "33.3 %"), (2.0, "200 %")])
def test_shares_are_written_as_they_were_given(share: float, text: str) -> None:
    assert notice(spend(), Mark(share, 1), name=None, now=NOON).title.endswith(f"reached {text}")
