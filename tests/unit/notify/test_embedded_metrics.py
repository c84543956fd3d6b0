import json

from headgate.core.alerts import Notice
from headgate.notify.embedded_metrics import MetricNotifier


async def test_a_message_is_one_line_with_the_share_in_percent() -> None:
    lines: list[str] = []
    notice = Notice("The budget of key k has reached 7 %", (("Spent", "$0.7 of $10"),), 0.07)
    await MetricNotifier(lines.append, lambda: 1_700_000_000.0).send(notice)
    (told,) = [json.loads(line) for line in lines]
    assert told["BudgetReachedPercent"] == 7
    assert (told["message"], told["Spent"]) == (notice.title, "$0.7 of $10")


async def test_what_is_no_budgets_is_a_line_without_a_number() -> None:
    """Else each message about failures would look like a budget of which nothing is spent."""
    lines: list[str] = []
    await MetricNotifier(lines.append).send(Notice("Requests fail", (("Failed", "3 of 10"),)))
    assert [json.loads(line) for line in lines] == [
        {"message": "Requests fail", "Failed": "3 of 10"}
    ]
