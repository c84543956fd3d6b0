from headgate.core.alerts import Notice
from headgate.notify.text import lines


def test_each_fact_is_a_line() -> None:
    notice = Notice("title", (("Spent", "$1"), ("Resets", "tomorrow")))
    assert lines(notice) == "Spent: $1\nResets: tomorrow"
