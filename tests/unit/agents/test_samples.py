"""Sample runs."""

from headgate.agents import samples

NOON = 1_795_435_200.0


def test_the_runs_of_a_day_are_always_the_same() -> None:
    first = {sample.run.run_id for sample in samples.runs(NOON)}
    again = {sample.run.run_id for sample in samples.runs(NOON + 3600)}
    tomorrow = {sample.run.run_id for sample in samples.runs(NOON + samples.DAY_SECONDS)}
    assert first == again
    assert len(tomorrow - first) == len(first) // samples.DAYS


def test_a_sample_is_a_run_as_it_could_have_been() -> None:
    for run, events, ending in samples.runs(NOON):
        ended = ending.applied(run)
        assert ended.has_ended
        assert (ended.finished_at or 0) < NOON
        assert ended.tally.steps == sum(event.type == "step.finished" for event in events)
        moments = [event.at or 0 for event in events]
        assert moments == sorted(moments)
        assert (ended.error is None) == (ended.output is not None)
