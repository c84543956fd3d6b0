"""Times as text: ISO 8601, UTC, milliseconds."""

import datetime as dt


def iso(moment: dt.datetime | float) -> str:
    """`2026-11-23T07:14:31.000Z` for a moment, given as such or in Unix seconds."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.fromtimestamp(moment, dt.UTC)
    text = moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_iso(text: str) -> dt.datetime:
    """The moment that an ISO 8601 text names; without an offset it is UTC.

    Raises:
        ValueError: the text is no date and no time.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies before the first year or after the last") from None
