"""A message as plain text."""

from headgate.core.alerts import Notice


def lines(notice: Notice) -> str:
    """The facts of a message, one a line."""
    return "\n".join(f"{name}: {value}" for name, value in notice.facts)
