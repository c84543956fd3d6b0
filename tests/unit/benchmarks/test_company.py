"""The company's calls are the same each time, in order, and of many kinds."""

import company

END = 1_795_435_200_000
DAY = 86_400_000


def test_calls_are_the_same_for_the_same_seed() -> None:
    first, again = (list(company.settlements(200, days=2, end=END)) for _ in range(2))
    assert first == again
    assert first != list(company.settlements(200, days=2, end=END, seed=2))


def test_calls_lie_in_the_days_asked_for_and_in_order() -> None:
    events = [call.event for call in company.settlements(1000, days=2, end=END)]
    times = [event.timestamp for event in events]
    assert END - 2 * DAY <= times[0] <= times[-1] < END
    assert times == sorted(times)
    assert abs(len(events) - 1000) < 50
    assert len({event.id for event in events}) == len(events)


def test_nights_are_quiet_and_every_kind_occurs() -> None:
    events = [call.event for call in company.settlements(20_000, days=7, end=END)]
    office = sum(7 <= event.timestamp // company.HOUR % 24 < 18 for event in events)
    assert office > len(events) * 0.7
    assert len({event.model for event in events}) == len(company.MODELS)
    assert {event.status for event in events} == {"ok", "error", "cancelled", "incomplete"}
    assert None in {event.user_id for event in events}
    assert len({tag for event in events for tag in event.tags}) == company.TAGS
