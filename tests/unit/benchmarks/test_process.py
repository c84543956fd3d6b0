import os
import sys
from pathlib import Path

import pytest

import process
from free_ports import held_port


def test_a_tree_holds_all_descendants_and_nobody_else() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
    assert sorted(process.tree(10, parents)) == [10, 11, 12]


def test_free_ports_differ() -> None:
    ports = process.free_ports(3)
    assert len(set(ports)) == 3


def test_a_command_is_pinned_to_the_core_that_is_asked_for() -> None:
    assert process.pinned(3, ["true"]) == ["taskset", "--cpu-list", "3", "true"]


def test_a_process_that_ends_before_it_answers_is_reported_with_what_it_said(
    tmp_path: Path,
) -> None:
    core = min(os.sched_getaffinity(0))
    says_and_ends = [sys.executable, "-c", "print('no such option')"]
    with (
        held_port() as port,
        pytest.raises(process.NeverReady, match="no such option"),
        process.running(
            says_and_ends, {}, core=core, health=(port, "/health"), log=tmp_path / "log"
        ),
    ):
        pass


def test_a_process_is_measured_from_its_first_answer_and_ended_with_the_block(
    tmp_path: Path,
) -> None:
    core = min(os.sched_getaffinity(0))
    serves = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    with (
        held_port() as port,
        process.running(
            [*serves, str(port)], {}, core=core, health=(port, "/"), log=tmp_path / "log"
        ) as started,
    ):
        assert started.seconds_to_ready > 0
        assert started.cpu_seconds() > 0
        assert started.resident_bytes() > 1_000_000
    assert started.resident_bytes() == 0
