"""Load from wrk: what is sent, and what came back."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process import pinned
from upstream import MODEL, QUESTION, Body

MARK = "measured "

# wrk's own report rounds for people; this gives the same figures as one line of JSON.
_REPORT = (
    """
function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\\n"""
    + MARK
    + """{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,'
    .. '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.connect, failed.read, failed.write, failed.status, failed.timeout))
end
"""
)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw.

    Attributes:
        answered: whole answers with a status below 400.
        failed: other answers, broken connections and time-outs.
        p50_ms: half of the answers were complete after so long; for a stream, its last byte.
    """

    answered: int
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Good answers per second."""
        return self.answered / self.seconds


def question(body: Body) -> bytes:
    """The request that every contender gets, of one size for either kind of answer."""
    request: dict[str, object] = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": QUESTION},
        ],
    }
    if body == "sse":
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(request).encode()


def script(body: Body, headers: Mapping[str, str]) -> str:
    """The Lua that makes wrk send `question(body)` and report as `parse` expects."""
    lines = ['wrk.method = "POST"', f"wrk.body = {_lua(question(body).decode())}"]
    lines += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in headers.items()]
    return "\n".join(lines) + _REPORT


def run(
    url: str,
    lua: str,
    *,
    connections: int,
    seconds: int,
    core: int,
    directory: Path,
) -> Load:
    """Ask as `lua` says, without pause, over so many connections; blocks until wrk has ended.

    Raises:
        ValueError: wrk gave no report.
        subprocess.CalledProcessError: wrk could not run.
    """
    file = directory / "load.lua"
    file.write_text(lua)
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
    # A slow answer is a figure, not a failure: the default of 2 s would count it as one.
    command += ["--timeout=60s", f"--script={file}", url]
    ended = subprocess.run(pinned(core, command), check=True, capture_output=True, text=True)
    return parse(ended.stdout)


def parse(output: str) -> Load:
    """The figures in wrk's output.

    Raises:
        ValueError: there are none.
    """
    reports = [line for line in output.splitlines() if line.startswith(MARK)]
    if not reports:
        raise ValueError(f"wrk gave no report, but: {output!r}")
    figures: dict[str, Any] = json.loads(reports[-1].removeprefix(MARK))
    broken = sum(figures[name] for name in ("connect", "read", "write", "timeout"))
    return Load(
        answered=figures["requests"] - figures["status"],
        failed=figures["status"] + broken,
        seconds=figures["microseconds"] / 1e6,
        p50_ms=figures["p50"] / 1e3,
        p99_ms=figures["p99"] / 1e3,
    )


def _lua(text: str) -> str:
    """A Lua string: JSON's quotes and backslashes mean the same there."""
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r} is not plain printable ASCII")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
