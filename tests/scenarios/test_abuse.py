"""Whatever is thrown at the platform, it answers in its own error shape and goes on working.

Everything here is written to the socket byte by byte: a client library would put it right.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import httpx2
import pytest

from headgate_server import Answer, Caller, Headgate, chat, http_client

MEGABYTE = 1024 * 1024
TOO_LARGE = 20 * MEGABYTE + 1
ATTACKS = 10_000
AT_ONCE = 32
# A generous bound on what ten thousand refusals may leave behind in the process.
MOST_GROWTH = 48 * MEGABYTE
CODES = {
    400: {"invalid_request"},
    401: {"invalid_api_key"},
    402: {"budget_exceeded"},
    403: {"insufficient_scope"},
    404: {"not_found", "model_not_found"},
    405: {"method_not_allowed"},
    413: {"request_too_large"},
    431: {"request_too_large"},
}
_LOG = logging.getLogger(__name__)

GOOD = json.dumps(chat("hello")).encode()


class Keys(NamedTuple):
    """Keys that are good for something, and keys that are not."""

    admin: str
    good: str
    no_scope: str
    poor: str
    revoked: str
    expired: str


@pytest.fixture
async def keys(admin: Caller) -> Keys:
    revoked = await admin.new_key()
    await admin.send("DELETE", f"/v1/auth/keys/{revoked['keyId']}")
    return Keys(
        admin=admin.key,
        good=(await admin.new_key(rateLimit={"requestsPerMinute": 10**9}))["apiKey"],
        no_scope=(await admin.new_key("tools:run"))["apiKey"],
        poor=(await admin.new_key(monthlyBudget=0, rateLimit={"requestsPerMinute": 10**9}))[
            "apiKey"
        ],
        revoked=revoked["apiKey"],
        expired=(await admin.new_key(expiresAt="2001-01-01T00:00:00Z"))["apiKey"],
    )


class Attack(NamedTuple):
    """Bytes that are sent, and the statuses that may answer them."""

    name: str
    data: bytes
    statuses: tuple[int, ...]


def request(
    target: str = "/v1/complete",
    body: bytes = b"",
    *,
    key: str | None = None,
    method: str = "POST",
    headers: tuple[str, ...] = ("host: headgate",),
    length: int | None = None,
) -> bytes:
    """A request as it stands on the wire; `length` is what it says of its body."""
    lines = [f"{method} {target} HTTP/1.1", *headers, "connection: close"]
    if key is not None:
        lines.append(f"authorization: Bearer {key}")
    if body or length is not None:
        lines.append(f"content-length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def with_content(content: bytes) -> bytes:
    """A chat whose user text is given as raw JSON."""
    return b'{"model":"sandbox","messages":[{"role":"user","content":' + content + b"}]}"


def credentials(keys: Keys) -> Iterator[Attack]:
    """Keys that must not work."""
    yield Attack("no key", request(body=GOOD), (401,))
    for name, key in (
        ("an empty key", ""),
        ("a key of spaces", "   "),
        ("a wrong key", "sk-proj-abc-def"),
        ("another's secret", keys.good.rpartition("-")[0] + "-" + keys.admin.rpartition("-")[2]),
        ("a key's id alone", keys.good.rpartition("-")[0]),
        ("a good key and a letter", keys.good + "x"),
        ("a good key in capitals", keys.good.upper()),
        ("a good key cut short", keys.good[:-1]),
        ("SQL", "sk-proj-' OR '1'='1"),
        ("a long key", "sk-proj-" + "a" * 5000),
        ("bytes beyond ASCII", "sk-proj-\xff\xfe\xe9"),
        ("a revoked key", keys.revoked),
        ("an expired key", keys.expired),
    ):
        yield Attack(name, request(body=GOOD, key=key), (401,))
    for name, line in (
        ("another scheme", f"authorization: Basic {keys.good}"),
        ("a key without a scheme", f"authorization: {keys.good}"),
        ("a key in a cookie", f"cookie: apiKey={keys.good}"),
    ):
        yield Attack(name, request(body=GOOD, headers=("host: headgate", line)), (401,))
    yield Attack("a key in the query", request(f"/v1/usage?key={keys.good}", method="GET"), (401,))
    yield Attack("a missing scope", request(body=GOOD, key=keys.no_scope), (403,))
    yield Attack("a missing scope and no body", request(key=keys.no_scope), (403,))
    for path in ("/v1/auth/keys", "/v1/auth/keys/x", "/v1/auth/keys?limit=1"):
        yield Attack("no admin", request(path, method="GET", key=keys.good), (403,))
    yield Attack("an exhausted budget", request(body=GOOD, key=keys.poor), (402,))
    unknown = json.dumps(chat("hello", model="no-such-model")).encode()
    yield Attack("an unknown model", request(body=unknown, key=keys.good), (404,))
    for path in ("/v1/chat/completions", "/v1/embed", "/v1/embeddings", "/v1/classify"):
        yield Attack("no key", request(path, GOOD), (401,))


def limited_to(tokens: bytes) -> bytes:
    """A chat with an output limit, by its name on either route, given as raw JSON."""
    return b'{"maxTokens":' + tokens + b',"max_tokens":' + tokens + b"," + GOOD[1:]


BODIES = {
    "nothing": b"",
    "white space": b"  \n ",
    "no JSON": b"hello",
    "half an object": b'{"model":"sandbox","messages":[',
    "two documents": GOOD + GOOD,
    "null": b"null",
    "a number": b"17",
    "a list": b"[]",
    "an empty object": b"{}",
    "100,000 lists": b"[" * 100_000,
    "100,000 lists, closed": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 lists in a field": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"," + GOOD[1:],
    "100,000 lists in a message": with_content(b"[" * 100_000 + b"]" * 100_000),
    "no UTF-8": with_content(b'"\xff\xfe"'),
    "no UTF-8 in a field that nobody reads": b'{"x":"\xff",' + GOOD[1:],
    "UTF-16": '{"model":"sandbox"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "a raw NUL": with_content(b'"a\x00b"'),
    "a raw NUL behind it": GOOD + b"\x00",
    "a lone surrogate": with_content(b'"\\ud800"'),
    "NaN": b'{"temperature":NaN,' + GOOD[1:],
    "Infinity": b'{"temperature":Infinity,' + GOOD[1:],
    "a huge exponent": b'{"temperature":1e999999,' + GOOD[1:],
    "a huge integer": limited_to(b"9" * 5000),
    "a negative limit": limited_to(b"-1"),
    "a fraction of a token": limited_to(b"1.5"),
}
HARMLESS = {
    "a NUL that is escaped": with_content(b'"a\\u0000b"'),
    "an emoji of two surrogates": with_content(b'"\\ud83d\\ude00"'),
    "a field twice": b'{"model":"no-such-model","model":"sandbox",' + GOOD[1:],
    "unknown fields": b'{"surprise":{"deep":[1,2,{"a":null}]},' + GOOD[1:],
    "a huge number where nobody reads": b'{"x":' + b"9" * 5000 + b"," + GOOD[1:],
}


def bodies(keys: Keys) -> Iterator[Attack]:
    """Bodies that cannot be understood."""
    for path in ("/v1/complete", "/v1/chat/completions"):
        for name, body in BODIES.items():
            yield Attack(
                f"{name} at {path}", request(path, body, key=keys.good, length=len(body)), (400,)
            )
    yield Attack(
        "a body that is said to be too large",
        request(key=keys.good, length=TOO_LARGE),
        (413,),
    )
    for length in ("-1", "1e3", "0x10", "5, 6", "9" * 30):
        head = ("host: headgate", f"content-length: {length}")
        yield Attack(f"a length of {length}", request(key=keys.good, headers=head), (400, 413))


def targets(keys: Keys) -> Iterator[Attack]:
    """Paths that are almost those of routes; none may be a way around a key or a scope."""
    for target in (
        "/v1/auth%2Fkeys",
        "/v1/auth%252Fkeys",
        "/v1%2fauth%2fkeys/",
        "/v1/./auth/keys",
        "/v1/../v1/auth/keys",
        "/v1/models/../auth/keys",
        "/v1/complete/../auth/keys",
        "/v1//auth/keys",
        "//v1/auth/keys",
        "/v1/auth/keys/",
        "/V1/AUTH/KEYS",
        "/v1/auth/Keys",
        "/v1/auth/keys;x",
        "/v1/auth/keys%00",
        "/v1/auth/keys%20",
        "/v1/auth/keys%0d%0ax:%20y",
        "/v1/auth/keys\\",
        "/v1\\auth\\keys",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/v1/auth/keys/%2e%2e",
        "/",
        "/v1",
        "/v1/",
        "/health/",
        "/HEALTH",
        "/favicon.ico",
        "/.git/config",
        "/v1/%ff%fe",
        "/" + "a" * 20_000,
        "/v1/" + "%41" * 5_000,
        "/v1/" + "a/" * 5_000,
    ):
        # A key without `admin` must not get past the scope by any spelling, nor one without a key.
        yield Attack(target[:60], request(target, method="GET", key=keys.good), (400, 403, 404))
        yield Attack(target[:60], request(target, method="GET"), (400, 401, 404))
    for target in ("http://headgate/v1/auth/keys", "http://evil.example/v1/auth/keys"):
        yield Attack(target, request(target, method="GET", key=keys.good), (400, 403, 404))
        yield Attack(target, request(target, method="GET"), (400, 401, 404))
    for target in ("*", "headgate:443", "v1/auth/keys", "?", "#", "http://"):
        yield Attack(target, request(target, method="GET", key=keys.good), (400, 404))
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "HEAD"):
        if method != "HEAD":
            yield Attack(method, request(method=method, key=keys.good), (400, 405))
    yield Attack("CONNECT", request("headgate:443", method="CONNECT"), (400, 404, 405))


def heads(keys: Keys) -> Iterator[Attack]:
    """Heads by which others were talked around."""
    admin_route = "/v1/auth/keys"
    for lines in (
        ("host: 127.0.0.1",),
        ("host: localhost:3000",),
        ("host: admin.internal",),
        ("host: a", "host: b"),
        ("host:",),
        (),
        ("host: x/../..", "x-forwarded-host: 127.0.0.1"),
        ("host: headgate", "x-forwarded-for: 127.0.0.1", "x-real-ip: 127.0.0.1"),
        ("host: headgate", "forwarded: for=127.0.0.1;host=localhost;proto=https"),
        ("host: headgate", f"x-original-url: {admin_route}", f"x-rewrite-url: {admin_route}"),
        ("host: headgate", "x-http-method-override: DELETE", "x-method-override: GET"),
        ("host: headgate", "x-api-key: wrong", "x-user-id: admin", "x-scopes: admin"),
    ):
        yield Attack(f"{lines}", request(admin_route, method="GET", headers=lines), (400, 401))
        yield Attack(
            f"{lines}",
            request(admin_route, method="GET", headers=(*lines, f"x-api-key: {keys.good}")),
            (400, 401, 403),
        )
    override = ("host: headgate", "x-http-method-override: POST")
    yield Attack("an override", request(method="GET", headers=override, key=keys.good), (405,))
    bomb = tuple(f"x-{number}: {'a' * 100}" for number in range(2_000))
    yield Attack("2,000 headers", request(headers=("host: h", *bomb), key=keys.good), (400, 431))
    long = ("host: h", "x-long: " + "a" * 200_000)
    yield Attack("a header of 200 kB", request(headers=long, key=keys.good), (400, 431))
    for line in ("no colon", "x : space", ": no name", "x: a\rb", "x: a\x00b", " folded: x"):
        yield Attack(line, request(headers=("host: h", line), key=keys.no_scope), (400, 403))
    smuggled = (
        b"POST /v1/complete HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n"
        b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n"
        b"GET /v1/auth/keys HTTP/1.1\r\n\r\n"
    )
    yield Attack("two lengths", smuggled, (400, 401))
    chunks = b"POST /v1/complete HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: "
    yield Attack("a broken chunk", chunks + b"chunked\r\n\r\nzz\r\n", (400, 401))
    yield Attack("an unknown coding", chunks + b"gzip, x\r\n\r\n", (400, 401))


GARBAGE = {
    "letters": b"hello there\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "NULs": bytes(1000),
    "high bytes": bytes(range(128, 256)) * 20,
    "a version": b"GET / HTTP/9.9\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
}


def garbage(_: Keys) -> Iterator[Attack]:
    """What is no HTTP at all."""
    for name, data in GARBAGE.items():
        yield Attack(name, data, (400, 404))


def all_attacks(keys: Keys) -> list[Attack]:
    return [*credentials(keys), *bodies(keys), *targets(keys), *heads(keys), *garbage(keys)]


async def throw(headgate: Headgate, data: bytes) -> Answer | None:
    """What comes back, up to the end of the connection; None where nothing does."""
    address = headgate.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    try:
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            # It may answer and hang up before it was told all.
            await writer.drain()
        async with asyncio.timeout(30):
            return await read_answer(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> Answer | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = httpx2.Headers([line.split(": ", 1) for line in lines])  # type: ignore[arg-type]
        body = await reader.readexactly(int(headers["content-length"]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Answer(int(status_line.split()[1]), headers, body)


def check_refusal(attack: Attack, answer: Answer | None) -> None:
    """It has the contract's status and shape, and tells nothing of the inside."""
    assert answer is not None, f"{attack.name}: no answer"
    assert answer.status in attack.statuses, (attack.name, answer)
    assert answer.headers["content-type"] == "application/json", attack.name
    assert answer.headers["x-request-id"].startswith("req_"), attack.name
    assert int(answer.headers["content-length"]) == len(answer.body), attack.name
    error = answer.error
    assert error["code"] in CODES[answer.status], attack.name
    assert error["message"], attack.name
    assert len(answer.body) < 2000, attack.name
    for trace in (b"Traceback", b'File "', b"detail", b"site-packages", b"msgspec"):
        assert trace not in answer.body, attack.name


def memory(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True
    )
    return int(told.stdout) * 1024


@pytest.mark.parametrize("kind", [credentials, bodies, targets, heads, garbage])
async def test_each_attack_is_refused_in_the_contracts_shape(
    headgate: Headgate, keys: Keys, kind: Any
) -> None:
    for attack in kind(keys):
        check_refusal(attack, await throw(headgate, attack.data))


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/chat/completions"])
async def test_what_is_odd_but_allowed_is_answered(
    headgate: Headgate, keys: Keys, path: str
) -> None:
    for name, body in HARMLESS.items():
        answer = await throw(headgate, request(path, body, key=keys.good))
        assert answer, name
        assert answer.status == 200, (name, answer)


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/complete", {"messages": "hello"}, "messages"),
        ("/v1/complete", {"messages": []}, "messages"),
        ("/v1/complete", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ("/v1/complete", {"messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ("/v1/complete", chat("x", temperature="hot"), "temperature"),
        ("/v1/complete", chat("x", temperature=3), "temperature"),
        ("/v1/complete", chat("x", maxTokens=0), "maxTokens"),
        ("/v1/complete", chat("x", tags=["a" * 65]), "tags[0]"),
        ("/v1/complete", chat("x", tags=[str(n) for n in range(11)]), "tags"),
        ("/v1/chat/completions", {"model": "sandbox", "messages": [{}]}, "messages[0].role"),
        ("/v1/chat/completions", chat("x", stream="yes"), "stream"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "model"),
        ("/v1/embed", {"input": {"a": 1}}, "input"),
        ("/v1/embed", {"input": []}, "input"),
        ("/v1/classify", {"input": "x", "labels": []}, "labels"),
        ("/v1/auth/keys", {"name": "x", "scopes": ["everything"]}, "scopes[0]"),
        ("/v1/auth/keys", {"name": "x", "scopes": ["admin"], "monthlyBudget": -1}, "monthlyBudget"),
        (
            "/v1/auth/keys",
            {"name": "x", "scopes": ["admin"], "rateLimit": {"concurrency": 0}},
            "rateLimit.concurrency",
        ),
        ("/v1/auth/keys", {"name": "x", "scopes": ["admin"], "expiresAt": "soon"}, "expiresAt"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_place(
    admin: Caller, path: str, body: dict[str, Any], where: str
) -> None:
    answer = await admin.post(path, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_request")
    assert answer.error["param"] == where
    assert where.rpartition(".")[2].partition("[")[0] in answer.error["message"]


async def test_a_body_that_grows_too_large_is_refused_without_being_kept(
    headgate: Headgate, keys: Keys
) -> None:
    """Sent in chunks, so that no length was declared."""
    head = request(key=keys.good, headers=("host: h", "transfer-encoding: chunked"))
    chunk = b"100000\r\n" + b" " * MEGABYTE + b"\r\n"
    answer = await throw(headgate, head + chunk * 21 + b"0\r\n\r\n")
    check_refusal(Attack("21 MB in chunks", b"", (413,)), answer)


async def test_a_body_as_large_as_allowed_is_read(headgate: Headgate, keys: Keys) -> None:
    body = GOOD + b" " * (TOO_LARGE - 1 - len(GOOD))
    answer = await throw(headgate, request(body=body, key=keys.good))
    assert answer
    assert answer.status == 200


@pytest.fixture
async def slow(headgate: Headgate) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Two hundred callers who send half a head and then nothing."""
    host, port = headgate.url.removeprefix("http://").split(":")
    writers = []
    for _ in range(200):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/complete HTTP/1.1\r\nhost: h\r\nx-slow: ")
        await writer.drain()
        writers.append(writer)
    yield writers
    for writer in writers:
        writer.close()


async def test_slow_callers_do_not_keep_others_from_their_answers(
    admin: Caller, slow: list[asyncio.StreamWriter]
) -> None:
    for writer in slow:
        writer.write(b"a")
    answers = await asyncio.gather(*(admin.ask("hello") for _ in range(20)))
    assert {answer.status for answer in answers} == {200}


async def test_callers_who_leave_in_the_middle_of_their_request_hurt_nobody(
    headgate: Headgate, admin: Caller, keys: Keys
) -> None:
    whole = request(body=GOOD, key=keys.good)
    host, port = headgate.url.removeprefix("http://").split(":")
    for cut in range(1, len(whole), 7):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(whole[:cut])
        await writer.drain()
        writer.close()
    assert (await admin.ask("hello")).status == 200


async def test_ten_thousand_attacks_move_no_money_and_leave_nothing_behind(
    headgate: Headgate, admin: Caller, keys: Keys
) -> None:
    """The large ones are left out of the many: sending them would only test the network."""
    attacks = [attack for attack in all_attacks(keys) if len(attack.data) < 50_000]
    random.Random(7).shuffle(attacks)
    warm_up = itertools.islice(itertools.cycle(attacks), 1000)
    await attack_all(headgate, list(warm_up))
    events = await admin.events()
    money = await spent(admin)
    before = memory(headgate.command.pid)

    many = list(itertools.islice(itertools.cycle(attacks), ATTACKS))
    answered = await attack_all(headgate, many)
    assert sum(answered.values()) == ATTACKS
    assert set(answered) <= set(CODES)

    after = memory(headgate.command.pid)
    _LOG.info("resident memory before %d and after %d bytes", before, after)
    assert after - before < MOST_GROWTH
    async with http_client(headgate.url) as client:
        assert (await client.get("/health")).json()["status"] == "ok"
    assert await admin.events() == events
    assert await spent(admin) == money
    assert (await admin.ask("hello")).status == 200
    assert "Traceback" not in headgate.command.output


async def spent(admin: Caller) -> list[tuple[Any, Any]]:
    """What was spent and what is held of those who would pay."""
    budgets = [await admin.budget("workspace", "default"), await admin.budget("model", "sandbox")]
    return [(budget["spent"], budget["reserved"]) for budget in budgets]


async def attack_all(headgate: Headgate, attacks: list[Attack]) -> Counter[int]:
    """Each is refused as it must be; gives how often each status came."""
    answered: Counter[int] = Counter()
    waiting = iter(attacks)

    async def attack_on() -> None:
        for attack in waiting:
            answer = await throw(headgate, attack.data)
            check_refusal(attack, answer)
            assert answer
            answered[answer.status] += 1

    await asyncio.gather(*(attack_on() for _ in range(AT_ONCE)))
    return answered
