"""Several workers tell their numbers as one server's."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from headgate.core.measurements import Measurement, Metric
from headgate.telemetry.histogram import Histogram
from headgate.telemetry.workers import DEAD_SECONDS, WorkerNumbers, merged

CALLS = Metric("headgate_calls", "counter", "Calls.", ("model",))
RUNNING = Metric("headgate_running", "gauge", "Running.")
RUNS = Metric("headgate_runs", "gauge", "Runs.", merge="max")
FAILING = Metric("headgate_failing", "gauge", "1 where it fails.", merge="max")
TIMES = Metric("headgate_times", "histogram", "Times.")


class Part:
    metrics: Sequence[Metric] = (CALLS, RUNNING, RUNS, TIMES)

    def __init__(self, calls: int, running: int) -> None:
        self.calls, self.running = calls, running
        self.times = Histogram((1.0,))

    def measurements(self) -> Iterable[Measurement]:
        yield CALLS.at(self.calls, "small")
        yield RUNNING.at(self.running)
        yield RUNS.at(7)
        yield self.times.measured(TIMES)


class YesOrNo:
    metrics: Sequence[Metric] = (FAILING,)

    def measurements(self) -> Iterable[Measurement]:
        yield FAILING.at(bool(self.metrics))


def worker(directory: Path, name: str, part: Part, now: float) -> WorkerNumbers:
    return WorkerNumbers(directory, f"{name}.json", [part], lambda: now)


def sums(one: WorkerNumbers) -> dict[str, Measurement]:
    own = [each for part in one.parts for each in part.measurements()]
    return {each.name: each for each in merged([*own, *one.others()])}


def test_whoever_is_asked_tells_the_sum_over_all(tmp_path: Path) -> None:
    parts = [Part(3, 1), Part(4, 2)]
    parts[0].times.add(0.5)
    parts[1].times.add(5.0)
    now = tmp_path.stat().st_mtime
    first, second = (worker(tmp_path, str(n), part, now) for n, part in enumerate(parts))
    first.write()
    second.write()
    for each in (first, second):
        told = sums(each)
        assert told["headgate_calls"].value == 7
        assert told["headgate_running"].value == 3
        assert told["headgate_runs"].value == 7, "each of them knows all runs"
        assert (told["headgate_times"].counts, told["headgate_times"].value) == ((1, 1), 5.5)


def test_a_yes_or_no_is_a_number_to_the_other_workers(tmp_path: Path) -> None:
    worker(tmp_path, "asked", Part(3, 1), 0.0).write()
    failing = WorkerNumbers(tmp_path, "failing.json", [YesOrNo()], lambda: 0.0)
    failing.write()
    told = {each.name: each.value for each in worker(tmp_path, "asked", Part(3, 1), 0.0).others()}
    assert told == {"headgate_failing": 1}


def test_what_a_dead_worker_counted_stays_counted_and_what_it_did_is_no_more(
    tmp_path: Path,
) -> None:
    dead, alive = Part(3, 1), Part(4, 2)
    worker(tmp_path, "dead", dead, 0.0).write()
    now = (tmp_path / "dead.json").stat().st_mtime + DEAD_SECONDS + 1
    told = sums(worker(tmp_path, "alive", alive, now))
    assert told["headgate_calls"].value == 7
    assert told["headgate_running"].value == 2


async def test_the_last_numbers_of_a_worker_are_kept_when_it_stops(tmp_path: Path) -> None:
    part = Part(1, 0)
    async with worker(tmp_path, "one", part, 0.0).writing():
        part.calls = 9
    assert sums(worker(tmp_path, "two", Part(0, 0), 0.0))["headgate_calls"].value == 9


def test_series_of_different_labels_are_not_added() -> None:
    both = merged([CALLS.at(1, "a"), CALLS.at(2, "b"), CALLS.at(3, "a")])
    assert [(one.labels["model"], one.value) for one in both] == [("a", 4), ("b", 2)]
