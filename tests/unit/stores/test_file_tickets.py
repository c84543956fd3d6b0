"""Tickets that work once, whoever comes first."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes import FakeClock
from headgate.core.errors import Overloaded
from headgate.stores.file_tickets import TICKET_SECONDS, FileTickets


def test_a_ticket_is_taken_once_in_whatever_process(tmp_path: Path) -> None:
    ticket = FileTickets(tmp_path / "tickets").issue("sk-proj-one")
    assert FileTickets(tmp_path / "tickets").take(ticket) == "sk-proj-one"
    assert FileTickets(tmp_path / "tickets").take(ticket) is None


def test_of_many_who_take_a_ticket_at_once_one_gets_it(tmp_path: Path) -> None:
    tickets = FileTickets(tmp_path)
    for _ in range(20):
        ticket = tickets.issue("sk-proj-one")
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _, it=ticket: tickets.take(it), range(8)))
        assert sorted(taken, key=str) == [None] * 7 + ["sk-proj-one"]


def test_an_old_ticket_is_worth_nothing_and_is_swept_away(tmp_path: Path) -> None:
    clock = FakeClock()
    tickets = FileTickets(tmp_path, clock)
    old = tickets.issue("sk-proj-one")
    (file,) = tmp_path.iterdir()
    os.utime(file, (clock(), clock()))
    forgotten = tickets.issue("sk-proj-two")
    clock.advance(TICKET_SECONDS)
    assert tickets.take(old) is None
    os.utime(next(tmp_path.iterdir()), (clock() - TICKET_SECONDS - 1,) * 2)
    tickets.issue("sk-proj-three")
    assert len(list(tmp_path.iterdir())) == 1
    assert tickets.take(forgotten) is None


def test_what_lies_on_the_disk_is_its_owners_alone_and_no_ticket(tmp_path: Path) -> None:
    directory = tmp_path / "tickets"
    ticket = FileTickets(directory).issue("sk-proj-one")
    (file,) = directory.iterdir()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ticket not in file.name + file.read_text()


@pytest.mark.parametrize("ticket", ["", "unknown", "../secret.key", "\x00", "ä"])
def test_whatever_is_no_ticket_opens_nothing(tmp_path: Path, ticket: str) -> None:
    (tmp_path / "secret.key").write_text("1e12 sk-proj-one")
    assert FileTickets(tmp_path / "tickets").take(ticket) is None


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "tickets").touch()
    with pytest.raises(Overloaded, match="cannot be kept"):
        FileTickets(tmp_path / "tickets").issue("sk-proj-one")
