"""Processes on a core of their own, and what Linux knows of their cost.

Everything is read from /proc for a whole tree of processes, so that a contender that starts helpers
pays for them too.
"""

import contextlib
import http.client
import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
POLL_SECONDS = 0.005
IDLE_SECONDS = 0.3
SETTLE_SECONDS = 15

_PROC = Path("/proc")
# Columns of /proc/<pid>/stat, counted after the command's closing parenthesis (proc(5)).
_PARENT, _OWN_USER, _CHILDREN_SYSTEM, _RESIDENT = 1, 11, 14, 21
# Columns of /proc/stat in which a core did nothing: idle and waiting for a disk.
_IDLE = (3, 4)
# Guest time is counted in user time already.
_COUNTED = 8


class NeverReady(Exception):
    """A process ended, or did not answer in time, before it was ready."""


class Process:
    """A running process and all that it started.

    `seconds_to_ready` counts from just before it was started to its first healthy answer.
    """

    def __init__(self, popen: subprocess.Popen[bytes], seconds_to_ready: float) -> None:
        self._popen = popen
        self.seconds_to_ready = seconds_to_ready

    def cpu_seconds(self) -> float:
        """User and system time of the tree, ended children included."""
        times = (stat[_OWN_USER : _CHILDREN_SYSTEM + 1] for stat in self._stats())
        return sum(int(ticks) for columns in times for ticks in columns) / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Memory in RAM; pages that the tree's processes share count once for each."""
        return sum(int(stat[_RESIDENT]) for stat in self._stats()) * PAGE_BYTES

    def settle(self) -> None:
        """Wait until the tree is idle: a tenth of a core over `IDLE_SECONDS`, or time is up."""
        deadline = time.monotonic() + SETTLE_SECONDS
        used = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(IDLE_SECONDS)
            before, used = used, self.cpu_seconds()
            if used - before <= IDLE_SECONDS / 10:
                return

    def _stats(self) -> list[list[str]]:
        stats = _stats()
        parents = {pid: int(stat[_PARENT]) for pid, stat in stats.items()}
        return [stats[pid] for pid in tree(self._popen.pid, parents) if pid in stats]


@contextlib.contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    core: int,
    health: tuple[int, str],
    log: Path,
    timeout_seconds: float = 120,
) -> Iterator[Process]:
    """Run `command` on `core` from its first healthy answer to the end of the block.

    `health` is the port and the path that answer 200 once it is ready. What it prints goes to
    `log`.

    Raises:
        NeverReady: it ended or stayed silent instead; the message has the end of its log.
    """
    with log.open("wb") as output:
        started = time.monotonic()
        popen = subprocess.Popen(
            pinned(core, command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while not _is_healthy(*health):
            if popen.poll() is not None or time.monotonic() - started > timeout_seconds:
                raise NeverReady(f"{' '.join(command)}\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(POLL_SECONDS)
        yield Process(popen, time.monotonic() - started)
    finally:
        popen.terminate()
        try:
            popen.wait(timeout=15)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """`command`, kept on one core together with all that it starts."""
    return ["taskset", "--cpu-list", str(core), *command]


def two_cores() -> tuple[int, int] | None:
    """A core for the contender and one for the load, on different hardware; None without two."""
    first, *others = sorted(os.sched_getaffinity(0))
    siblings = _numbers(Path(f"/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list"))
    return next(((first, other) for other in others if other not in siblings), None)


def free_ports(count: int) -> list[int]:
    """Different TCP ports on loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def own_cpu_seconds() -> float:
    """This process's CPU time and that of its children that have ended, such as wrk."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def busy_seconds(cores: Sequence[int]) -> float:
    """How long these cores have not been idle since the machine started, whoever used them."""
    names = {f"cpu{core}" for core in cores}
    ticks = 0
    for line in (_PROC / "stat").read_text().splitlines():
        name, *columns = line.split()
        if name in names:
            times = enumerate(map(int, columns[:_COUNTED]))
            ticks += sum(time for column, time in times if column not in _IDLE)
    return ticks / TICKS_PER_SECOND


def tree(root: int, parents: Mapping[int, int]) -> list[int]:
    """`root` and its descendants; `parents` maps every process to the one that started it."""
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _stats() -> dict[int, list[str]]:
    """/proc/<pid>/stat of every process, from the column after the command's name."""
    stats = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            # A process may end between the listing and the reading.
            with contextlib.suppress(OSError):
                text = (entry / "stat").read_text()
                # A command's name may hold spaces and parentheses, but nothing after it does.
                stats[int(entry.name)] = text.rpartition(")")[2].split()
    return stats


def _is_healthy(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _numbers(path: Path) -> set[int]:
    """The numbers in a list such as `0-1,4`; empty where the kernel does not say."""
    try:
        spans = path.read_text().strip().split(",")
    except OSError:
        return set()
    ends = [[int(end) for end in span.split("-")] for span in spans if span]
    return {number for span in ends for number in range(span[0], span[-1] + 1)}
