"""The routes by which an administrator reads the audit log."""

import csv
import io
import json

from headgate.core.audit import Actor
from platform_in_memory import Platform, make_key, platform

ORIGIN = {"host": "127.0.0.1:3000", "origin": "http://127.0.0.1:3000"}


async def three_acts(running: Platform) -> None:
    for user in ("ada", "bob", "=cmd()"):
        await make_key(running, name=user, userId=user)


async def test_acts_are_listed_page_by_page() -> None:
    async with platform() as running:
        await three_acts(running)
        first = await running.call("GET", "/v1/audit", query="limit=2")
        assert first.status == 200
        await make_key(running)
        cursor = first.json["nextCursor"]
        rest = await running.call("GET", "/v1/audit", query=f"limit=2&cursor={cursor}")
        found = first.json["data"] + rest.json["data"]
        assert [act["after"]["name"] for act in found] == ["=cmd()", "bob", "ada"]
        assert rest.json["nextCursor"] is None
        act = found[-1]
        assert act["actor"] == {
            "keyId": "sk-proj-admin",
            "name": "admin",
            "userId": None,
            "means": "key",
        }
        assert (act["action"], act["result"], act["code"]) == ("key.create", "done", None)
        assert act["requestId"].startswith("req_")
        assert act["endedAt"] >= act["at"]


async def test_acts_are_found_by_actor_action_target_and_time() -> None:
    async with platform() as running:
        await three_acts(running)
        await running.call("PUT", "/v1/workspaces/acme", {"markup": 0.1})

        async def found(query: str) -> int:
            answer = await running.call("GET", "/v1/audit", query=query)
            assert answer.status == 200, answer.json
            return len(answer.json["data"])

        assert await found("action=key") == 3
        assert await found("action=key.create&actor=sk-proj-admin") == 3
        assert await found("actor=nobody") == 0
        assert await found("target=acme") == 1
        assert await found("from=2020-01-01&to=2021-01-01") == 0
        assert await found("from=2020-01-01") == 4


async def test_wrong_questions_are_refused() -> None:
    async with platform() as running:
        for query in ("from=yesterday", "from=2021-01-01&to=2020-01-01", "cursor=1", "limit=0"):
            assert (await running.call("GET", "/v1/audit", query=query)).status == 400
        for query in ("format=xml", "actor="):
            assert (await running.call("GET", "/v1/audit/export", query=query)).status == 400
        assert (await running.call("GET", "/v1/audit/verification", query="head=x")).status == 400


async def test_only_an_administrator_reads_the_log() -> None:
    async with platform() as running:
        key = await make_key(running)
        for path in ("/v1/audit", "/v1/audit/export", "/v1/audit/verification"):
            assert (await running.call("GET", path, key=key)).status == 403


async def test_the_log_is_exported_a_line_an_act() -> None:
    async with platform() as running:
        await three_acts(running)
        answer = await running.call("GET", "/v1/audit/export")
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert "audit.jsonl" in answer.headers["content-disposition"]
        exported = [json.loads(line) for line in answer.data.splitlines()]
        listed = await running.call("GET", "/v1/audit")
        assert exported == listed.json["data"]


async def test_a_table_of_the_log_holds_no_formula_that_a_spreadsheet_would_run() -> None:
    async with platform() as running:
        actor = Actor(key_id="k", name="=cmd()", means="key")
        await running.services.audit.begin(
            actor, "budget.set", "@SUM(1)", request_id="", address="", before={"a": [1, "ä"]}
        )
        answer = await running.call("GET", "/v1/audit/export", query="format=csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        (row,) = csv.DictReader(io.StringIO(answer.data.decode()))
        assert (row["name"], row["target"], row["result"]) == ("'=cmd()", "'@SUM(1)", "unknown")
        assert json.loads(row["before"]) == {"a": [1, "ä"]}
        assert row["after"] == ""


async def test_the_log_is_verified_against_what_was_kept_of_it() -> None:
    async with platform() as running:
        await three_acts(running)
        kept = (await running.call("GET", "/v1/audit/verification")).json
        assert (kept["records"], kept["intact"], kept["firstWrong"]) == (6, True, None)
        query = f"records=6&head={kept['head']}"
        again = await running.call("GET", "/v1/audit/verification", query=query)
        assert again.json == kept
        other = await running.call(
            "GET", "/v1/audit/verification", query=f"records=6&head={'a' * 64}"
        )
        assert (other.json["intact"], other.json["firstWrong"]) == (False, 6)


async def test_signing_in_and_out_is_told_and_a_failed_try_is_not() -> None:
    """Anybody could fill a log that told of every wrong key."""
    async with platform() as running:

        async def call(method: str, body: dict[str, str], cookie: str = "") -> str:
            headers = ORIGIN | ({"cookie": cookie} if cookie else {})
            answer = await running.call(method, "/v1/session", body, key=None, headers=headers)
            return answer.headers.get("set-cookie", "").partition(";")[0]

        await call("POST", {"apiKey": "sk-proj-wrong-secret"})
        assert (await running.call("GET", "/v1/audit")).json["data"] == []
        cookie = await call("POST", {"apiKey": "sk-proj-admin-secret"})
        await call("POST", {}, cookie)
        await call("DELETE", {}, cookie)
        await call("DELETE", {}, "headgate_session_3000=wrong")
        found = (await running.call("GET", "/v1/audit")).json["data"]
        assert [act["action"] for act in found] == ["session.end", "session.open"]
        assert {act["target"] for act in found} == {"sk-proj-admin"}
        assert {act["actor"]["means"] for act in found} == {"session"}


async def test_what_is_done_in_a_session_says_so() -> None:
    async with platform() as running:
        opened = await running.call(
            "POST",
            "/v1/session",
            {"apiKey": "sk-proj-admin-secret"},
            key=None,
            headers=ORIGIN,
        )
        cookie = opened.headers["set-cookie"].partition(";")[0]
        await running.call(
            "PUT",
            "/v1/workspaces/acme",
            {"markup": 0.1},
            key=None,
            headers=ORIGIN | {"cookie": cookie},
        )
        (act, _) = (await running.call("GET", "/v1/audit")).json["data"]
        assert (act["actor"]["means"], act["before"]["markup"]) == ("session", 0.02)
        assert act["after"]["markup"] == 0.1
