"""Runs a Markdown page as its reader would: its blocks in order, in one shell session.

The rules, which the page is written by:

- A `sh` block runs in bash, a `python` block with the `python` of that shell. What a block exports
  holds for those after it. Every block must succeed.
- A `text` or `json` block is what the block before it prints, standard error included.
- In `text`, `...` stands for anything within a line, and a line that is only `...` for any lines.
- In `json`, a value `"..."` stands for any value, and a member `"...": "..."` for any further
  members. Numbers are compared as decimals.
- The block `make run` is the server. It keeps running; the page goes on once the server answers and
  has printed what the text block after it says.
- `sk-proj-...` in a block stands for the first key that the server printed, and
  `127.0.0.1:3000` for the address it really got.
- Blocks in `NOT_RUN` are not run, for the reason given there.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from free_ports import held_port

SERVER = "make run"
ADDRESS = "127.0.0.1:3000"
KEY_PLACEHOLDER = "sk-proj-..."
NOT_RUN = {"make test": "it would run this very test again"}

# A busy machine takes its time; who waits longer waits for nothing.
START_SECONDS = 120
BLOCK_SECONDS = 180
STOP_SECONDS = 60

_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"sk-proj-[A-Za-z0-9_]+-[A-Za-z0-9_-]+")


class PageWrong(AssertionError):
    """The page says something that is not so; the message shows the block and what happened."""


@dataclass(frozen=True)
class Expected:
    """What a block prints, as the page has it."""

    language: str
    text: str

    def check(self, printed: str) -> None:
        """Compare with what was printed.

        Raises:
            PageWrong: it is something else.
        """
        if self.language == "json":
            try:
                value = json.loads(printed, parse_float=Decimal, parse_int=Decimal)
            except ValueError:
                raise PageWrong(f"expected JSON, and it printed:\n{printed}") from None
            expected = json.loads(self.text, parse_float=Decimal, parse_int=Decimal)
            difference = _difference(expected, value, "$")
        else:
            difference = None if _pattern(self.text).fullmatch(_lines(printed)) else "the text"
        if difference:
            raise PageWrong(f"{difference} differs. Expected:\n{self.text}\nPrinted:\n{printed}")


@dataclass(frozen=True)
class Block:
    """A command of the page, and what the page says it prints."""

    line: int
    language: str
    code: str
    expected: Expected | None


def blocks_of(page: str, languages: Collection[str] = ("sh", "python")) -> list[Block]:
    """The runnable blocks of a page, in order.

    Args:
        page: the page's text.
        languages: what can be run.

    Raises:
        PageWrong: an output stands without a command, or a block has an unknown language.
    """
    blocks: list[Block] = []
    for match in _FENCE.finditer(page):
        language, code = match["language"], match["code"]
        line = page.count("\n", 0, match.start()) + 1
        if language in languages:
            blocks.append(Block(line, language, code, None))
        elif language in {"text", "json"} and blocks and blocks[-1].expected is None:
            last = blocks[-1]
            blocks[-1] = Block(last.line, last.language, last.code, Expected(language, code))
        else:
            raise PageWrong(f"line {line}: a {language or 'nameless'} block that nothing prints")
    return blocks


def _lines(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())


def _pattern(expected: str) -> re.Pattern[str]:
    lines = []
    for line in _lines(expected).splitlines():
        if line == "...":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(r"[^\n]*".join(re.escape(part) for part in line.split("...")) + r"\n")
    return re.compile("".join(lines))


def _difference(expected: Any, value: Any, path: str) -> str | None:
    """Where `value` is not what was expected, as a path; None where it is."""
    if expected == "...":
        return None
    if isinstance(expected, dict) and isinstance(value, dict):
        members = {name: item for name, item in expected.items() if name != "..."}
        missing = members.keys() - value.keys()
        odd = missing if "..." in expected else members.keys() ^ value.keys()
        if odd:
            return f"{path}.{min(odd)}"
        return _first_difference([(f"{path}.{n}", item, value[n]) for n, item in members.items()])
    if isinstance(expected, list) and isinstance(value, list):
        if len(expected) != len(value):
            return f"the length of {path}"
        both = enumerate(zip(expected, value, strict=True))
        return _first_difference([(f"{path}[{n}]", one, other) for n, (one, other) in both])
    return None if expected == value and type(expected) is type(value) else path


def _first_difference(pairs: list[tuple[str, Any, Any]]) -> str | None:
    found = (_difference(expected, value, path) for path, expected, value in pairs)
    return next((difference for difference in found if difference), None)


@dataclass
class Server:
    """The platform as the page starts it, on a free port with an empty data directory.

    Attributes:
        printed: everything it has printed so far.
    """

    process: Process
    address: str
    printed: str = ""

    async def follow(self) -> None:
        """Read what it prints until it ends."""
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(65536):
            self.printed += chunk.decode(errors="replace")

    async def answer(self, expected: Expected | None) -> None:
        """Wait until `/health` is 200 and what was expected is printed.

        It asks again and again, since another process's readiness can only be asked for.

        Raises:
            PageWrong: the server ended, or it took too long.
        """
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            wrong = self._difference(expected) if await self._is_healthy() else "no answer"
            if wrong is None:
                return
            if self.process.returncode is not None:
                raise PageWrong(f"`{SERVER}` ended. It printed:\n{self.printed}")
            if asyncio.get_running_loop().time() > deadline:
                raise PageWrong(f"after {START_SECONDS} s: {wrong}")
            await asyncio.sleep(0.1)

    def _difference(self, expected: Expected | None) -> str | None:
        try:
            if expected:
                expected.check(self.printed.replace(self.address, ADDRESS))
        except PageWrong as wrong:
            return str(wrong)
        return None

    async def _is_healthy(self) -> bool:
        host, port = self.address.split(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        try:
            head = f"GET /health HTTP/1.1\r\nhost: {self.address}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode())
            return b" 200 " in await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()

    def place(self) -> "Place":
        """Where it is, with the first key it printed."""
        found = _KEY.search(self.printed)
        if found is None:
            raise PageWrong(f"`{SERVER}` printed no key:\n{self.printed}")
        return Place(self.address, found[0])


class Place(NamedTuple):
    """Where a platform answers that runs already, as `host:port`, and an administrator's key."""

    address: str
    key: str


@contextlib.asynccontextmanager
async def serving(
    checkout: Path, scratch: Path, expected: Expected | None
) -> AsyncIterator[Server]:
    """`make run` in a checkout, answering; stopped with everything it started at the end."""
    with held_port() as port:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(SERVER),
            cwd=checkout,
            env={
                **_environment(),
                "PORT": str(port),
                "HEADGATE_DATA": str(scratch / "data"),
                "PYTHONUNBUFFERED": "1",  # as on a terminal, where lines appear at once
            },
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        server = Server(process, f"127.0.0.1:{port}")
        following = asyncio.create_task(server.follow())
        try:
            await server.answer(expected)
            yield server
        finally:
            await _stop(process, following)


async def _stop(process: Process, following: asyncio.Task[None]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
                await following
            return


@dataclass
class Session:
    """One bash, in which the page's blocks run one after another."""

    process: Process
    scratch: Path
    count: int = field(default=0)

    async def run(self, language: str, code: str) -> str:
        """What the code prints, standard error included.

        Raises:
            PageWrong: it failed, or took too long.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.count += 1
        script = self.scratch / f"block-{self.count}.{language}"
        script.write_text(code)
        mark = f"end-of-block-{secrets.token_hex(8)}"
        start = "." if language == "sh" else "python"
        self.process.stdin.write(
            f"{start} {shlex.quote(str(script))} </dev/null\nprintf '\\n{mark}\\n'\n".encode()
        )
        try:
            async with asyncio.timeout(BLOCK_SECONDS):
                output = await self.process.stdout.readuntil(f"\n{mark}\n".encode())
        except asyncio.IncompleteReadError as end:
            raise PageWrong(f"it failed. It printed:\n{end.partial.decode()}") from None
        except TimeoutError:
            raise PageWrong(f"it did not end within {BLOCK_SECONDS} s") from None
        return output.decode().removesuffix(f"\n{mark}\n")


@contextlib.asynccontextmanager
async def session_in(
    checkout: Path, scratch: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Session]:
    """A shell in a checkout that ends at the first command that fails."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-eu", "-o", "pipefail"),
        cwd=checkout,
        env={**_environment(), **(environment or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        limit=4 * 1024 * 1024,
        start_new_session=True,
    )
    finished = asyncio.create_task(process.wait())
    try:
        yield Session(process, scratch)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await finished


async def follow_page(
    page: str,
    checkout: Path,
    scratch: Path,
    *,
    place: Place | None = None,
    not_run: Mapping[str, str] = NOT_RUN,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Do what a page says; returns how many blocks were run.

    Args:
        page: its text.
        checkout: where its reader is.
        scratch: a directory of the caller's own.
        place: the platform that its reader has running, where the page does not start it.
        not_run: blocks that are left out, each with the reason.
        environment: variables of its reader's shell, beside those that every reader has.

    Raises:
        PageWrong: something on it is not so; the message names the line.
    """
    count = 0
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(session_in(checkout, scratch, environment))
        server: Server | None = None
        for block in blocks_of(page):
            command = block.code.strip()
            if command in not_run:
                continue
            try:
                if command == SERVER:
                    running = serving(checkout, scratch, block.expected)
                    server = await stack.enter_async_context(running)
                    place = server.place()
                else:
                    printed = await session.run(block.language, _placed(block.code, place))
                    if block.expected:
                        block.expected.check(_shown(printed, place))
            except PageWrong as wrong:
                told = f"\nThe server printed:\n{server.printed}" if server else ""
                raise PageWrong(f"line {block.line}:\n{block.code}\n{wrong}{told}") from None
            count += 1
    return count


def _placed(code: str, place: Place | None) -> str:
    """A block with the real key and address in the places of those on the page."""
    if place is None:
        return code
    return code.replace(ADDRESS, place.address).replace(KEY_PLACEHOLDER, place.key)


def _shown(printed: str, place: Place | None) -> str:
    return printed.replace(place.address, ADDRESS) if place else printed


def _environment() -> Mapping[str, str]:
    """The caller's environment without keys and settings, which a new reader would not have."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
