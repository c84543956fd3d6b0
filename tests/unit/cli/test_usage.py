import pytest

from fake_installation import FakeInstallation, answering, invoke, reply

SUMS = {"requests": 1234, "errors": 1, "inputTokens": 5, "outputTokens": 6}
MONEY = {"cost": 0.000000014, "billed": 1.5}
USAGE = {"totals": {**SUMS, **MONEY}, "rows": [{"model": "gpt-4o", **SUMS, **MONEY}]}
BUDGET = {"scope": "user", "id": "ana", "monthlyBudget": 25, "spent": 0.1, "remaining": 24.9}


def test_usage_is_a_table_with_exact_money_and_a_total() -> None:
    installation = answering(reply(USAGE))
    result = invoke(installation, "usage", "--by", "model", "--from", "2030-01-01")
    assert result.exit_code == 0
    for word in ("gpt-4o", "1,234", "$0.000000014", "$1.5", "total"):
        assert word in result.stdout
    asked = installation.connection.asked[0]
    assert (asked.path, asked.query) == (
        "/v1/usage",
        [("groupBy", "model"), ("from", "2030-01-01")],
    )


def test_usage_for_programs_keeps_every_digit() -> None:
    result = invoke(answering(reply(USAGE)), "usage", "--json")
    assert '"billed": 1.5' in result.stdout


def test_an_unknown_dimension_is_exit_code_2() -> None:
    assert invoke(FakeInstallation(), "usage", "--by", "moon").exit_code == 2


def test_the_caller_s_budgets_are_shown() -> None:
    installation = answering(reply({**BUDGET, "budgets": [BUDGET, {**BUDGET, "id": "bob"}]}))
    result = invoke(installation, "budget", "show")
    for word in ("ana", "bob", "$25", "$24.9"):
        assert word in result.stdout
    assert installation.connection.asked[0].query == []


def test_another_one_s_budget_is_asked_for_by_scope_and_id() -> None:
    installation = answering(reply(BUDGET))
    invoke(installation, "budget", "show", "--scope", "user", "--id", "ana")
    assert installation.connection.asked[0].query == [("scope", "user"), ("id", "ana")]
    alone = invoke(FakeInstallation(), "budget", "show", "--scope", "user")
    assert (alone.exit_code, "belong together" in alone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ((), {}),
        (("--soft",), {"hard": False}),
        (("--alert", "0.5", "--alert", "1"), {"alertThresholds": [0.5, 1.0]}),
    ],
)
def test_a_budget_is_set(options: tuple[str, ...], changed: dict[str, object]) -> None:
    installation = answering(reply(BUDGET))
    arguments = ("budget", "set", "$25.5", "--scope", "user", "--id", "ana", *options)
    assert invoke(installation, *arguments).exit_code == 0
    asked = installation.connection.asked[0]
    assert asked.method == "PUT"
    body = {"scope": "user", "id": "ana", "monthlyBudget": 25.5, "hard": True}
    assert asked.body == body | changed
