"""The platform's own routes, as a program without a client library uses them."""

import asyncio
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from headgate.http.routes import Route
from headgate.http.table import routes
from headgate_server import (
    Answer,
    Caller,
    Headgate,
    chat,
    events_of,
    eventually,
    http_client,
    total,
)

SEARCH = {"name": "search", "parameters": {"type": "object"}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
# Open to whoever asks from the machine itself, as these tests do.
OPEN_HERE = {"open", "local"}
GUARDED = [row for row in routes() if row.access not in OPEN_HERE | {"any"}]
ALL_SCOPES = {"ai:complete", "ai:embed", "tools:run", "agent:run", "usage:read"}


def request_of(row: Route) -> tuple[str, str]:
    """A method and a path that reach a row; its placeholders stand for nothing that exists."""
    return row.method, row.path.replace("{keyId}", "sk-proj-none").replace(
        "{id:path}", "none"
    ).replace("{id}", "none")


async def test_an_id_with_a_slash_is_percent_encoded_in_a_path(admin: Caller) -> None:
    await admin.new_key(userId="sales/ada b")
    begun = await admin.send("DELETE", "/v1/users/sales%2Fada%20b/data")
    assert (begun.status, begun.json["userId"]) == (200, "sales/ada b"), begun.body
    assert begun.json["keysRevoked"] == 1


# Models.


async def test_complete(admin: Caller) -> None:
    answer = await admin.ask("hello there", systemPrompt="be brief", temperature=0.5, maxTokens=9)
    assert answer.status == 200
    body = answer.json
    assert body["id"]
    assert (body["model"], body["provider"]) == ("sandbox", "sandbox")
    assert (body["content"], body["finishReason"]) == ("You said: hello there", "stop")
    assert "toolCalls" not in body
    assert body["latencyMs"] >= 0
    # 4 words in at $1 and 4 out at $2 per million; 2 % on top.
    assert body["usage"] == {
        "inputTokens": 4,
        "outputTokens": 4,
        "totalTokens": 8,
        "cachedInputTokens": 0,
        "reasoningTokens": 0,
        "cost": Decimal("0.000012"),
        "billed": Decimal("0.00001224"),
    }
    assert Decimal(answer.headers["x-cost"]) == body["usage"]["billed"]


async def test_complete_without_a_model_names_the_one_that_answered(admin: Caller) -> None:
    answer = await admin.post("/v1/complete", {"messages": [{"role": "user", "content": "hello"}]})
    assert answer.status == 200
    assert answer.json["model"] == answer.headers["x-model"] != "auto"
    assert answer.json["provider"] == answer.headers["x-provider"] != "sandbox"


async def test_complete_calls_tools_and_takes_their_results(admin: Caller) -> None:
    text = '[[call search {"q": 1}]]'
    first = (await admin.ask(text, tools=[SEARCH])).json
    assert (first["finishReason"], first["content"]) == ("tool_calls", "")
    (call,) = first["toolCalls"]
    assert (call["name"], call["arguments"]) == ("search", '{"q": 1}')
    messages = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": None, "toolCalls": first["toolCalls"]},
        {"role": "tool", "toolCallId": call["id"], "content": "nothing"},
    ]
    last = await admin.post(
        "/v1/complete", {"model": "sandbox", "messages": messages, "tools": [SEARCH]}
    )
    assert last.json["content"] == "Results: nothing"


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_schema", "schema": SCHEMA},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    ],
)
async def test_complete_answers_under_a_schema_written_either_way(
    admin: Caller, wanted: dict[str, Any]
) -> None:
    answer = await admin.ask("[[json]]", responseFormat=wanted)
    assert json.loads(answer.json["content"]) == {"n": 0}


async def test_a_stream_is_deltas_and_then_the_usage(admin: Caller) -> None:
    answer = await admin.stream("hello there [[usage cached=1]]")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "x-cost" not in answer.headers
    *deltas, done = answer.events
    assert all(delta.keys() == {"type", "content"} for delta in deltas)
    assert {delta["type"] for delta in deltas} == {"delta"}
    assert "".join(delta["content"] for delta in deltas) == "You said: hello there"
    assert done["type"] == "done"
    assert (done["model"], done["provider"]) == ("sandbox", "sandbox")
    assert (done["finishReason"], done["usage"]["inputTokens"]) == ("stop", 2)
    assert done["usage"]["cachedInputTokens"] == 1
    assert done["usage"]["billed"] == Decimal("0.0000102")
    assert done["id"]
    assert (await admin.event_of(answer.headers["x-request-id"]))["billed"] == Decimal("0.0000102")


async def test_complete_with_stream_is_a_stream(admin: Caller) -> None:
    answer = await admin.ask("hello", stream=True)
    assert [event["type"] for event in answer.events][-1] == "done"


async def test_a_stream_gathers_its_tool_calls(admin: Caller) -> None:
    answer = await admin.stream('[[call search {"q": "a b c"}]]', tools=[SEARCH])
    *_, done = answer.events
    (call,) = done["toolCalls"]
    assert (call["name"], call["arguments"]) == ("search", '{"q": "a b c"}')
    assert done["finishReason"] == "tool_calls"


async def test_a_stream_that_breaks_off_says_so_and_is_billed_as_received(admin: Caller) -> None:
    answer = await admin.stream("one two [[tokens 9]] [[cut 3]]")
    assert answer.status == 200
    *deltas, last = answer.events
    assert "".join(delta["content"] for delta in deltas) == "word word word"
    assert last.keys() == {"type", "error"}
    assert (last["type"], last["error"]["code"]) == ("error", "upstream_error")
    event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["status"], event["estimated"]) == ("incomplete", True)
    assert (event["inputTokens"], event["outputTokens"]) == (2, 3)
    assert (event["cost"], event["billed"]) == (Decimal("0.000008"), Decimal("0.00000816"))


async def test_an_answer_that_breaks_off_is_an_upstream_error_billed_for_its_input(
    admin: Caller,
) -> None:
    answer = await admin.ask("one two [[tokens 9]] [[cut 3]]")
    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["status"], event["estimated"]) == ("incomplete", True)
    assert (event["inputTokens"], event["outputTokens"]) == (2, 0)
    assert event["billed"] == Decimal("0.00000204")


@pytest.mark.parametrize(
    ("vendors_status", "status", "code"),
    [
        (400, 400, "invalid_request"),
        (401, 502, "upstream_error"),
        (403, 502, "upstream_error"),
        (404, 404, "model_not_found"),
        (408, 504, "upstream_timeout"),
        (422, 400, "invalid_request"),
        (429, 429, "rate_limit_exceeded"),
        (500, 502, "upstream_error"),
        (502, 502, "upstream_error"),
        (503, 503, "overloaded"),
        (504, 504, "upstream_timeout"),
        (529, 503, "overloaded"),
    ],
)
async def test_a_vendors_refusal_has_the_contracts_status_streamed_or_not(
    admin: Caller, vendors_status: int, status: int, code: str
) -> None:
    for path in ("/v1/complete", "/v1/stream", "/v1/chat/completions"):
        answer = await admin.post(path, chat(f"hello [[fail {vendors_status}]]"))
        assert (answer.status, answer.error["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/json"
        wait = "1" if vendors_status in {429, 529} else None
        assert answer.headers.get("retry-after") == wait
        event = await admin.event_of(answer.headers["x-request-id"])
        if code == "upstream_timeout":
            # It may have worked all the same.
            assert (event["status"], event["inputTokens"]) == ("incomplete", 1)
            assert event["estimated"]
        else:
            assert (event["status"], event["billed"]) == ("error", 0)


async def test_reported_tokens_are_priced_once_each_to_the_nano_dollar(admin: Caller) -> None:
    answer = await admin.ask("a b c d e f g [[say x y z]] [[usage cached=3 reasoning=11]]")
    # 7 in (3 of them cached, at the same price here), 3 + 11 out: 7 * 1000 + 14 * 2000 = 35000
    # nano-dollars; 2 % on top is 35700.
    usage = answer.json["usage"]
    assert (usage["inputTokens"], usage["outputTokens"]) == (7, 14)
    assert (usage["cachedInputTokens"], usage["reasoningTokens"]) == (3, 11)
    assert (usage["cost"], usage["billed"]) == (Decimal("0.000035"), Decimal("0.0000357"))
    event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["cost"], event["billed"]) == (Decimal("0.000035"), Decimal("0.0000357"))
    assert event["priceVersion"]


async def test_embed(admin: Caller) -> None:
    answer = await admin.post(
        "/v1/embed", {"model": "sandbox", "input": ["the cat", "the cat", "a dog"]}
    )
    body = answer.json
    assert body["embeddings"][0] == body["embeddings"][1] != body["embeddings"][2]
    assert (body["model"], body["provider"]) == ("sandbox", "sandbox")
    # 6 words at $1 per million, 2 % on top.
    assert body["usage"]["inputTokens"] == 6
    assert body["usage"]["billed"] == Decimal("0.00000612")
    one = await admin.post("/v1/embed", {"model": "sandbox", "input": "the cat"})
    assert one.json["embeddings"] == body["embeddings"][:1]
    event = await admin.event_of(answer.headers["x-request-id"])
    assert event["requestType"] == "embedding"


async def test_classify(admin: Caller) -> None:
    labels = ["good", "bad", "ugly"]
    answer = await admin.post(
        "/v1/classify",
        {"model": "sandbox", "input": '[[say {"label": "bad"}]] rotten', "labels": labels},
    )
    body = answer.json
    assert body["label"] == "bad"
    assert body["confidence"] == max(body["scores"].values()) == 1
    assert body["scores"].keys() == set(labels)
    assert sum(body["scores"].values()) == 1
    event = await admin.event_of(answer.headers["x-request-id"])
    assert event["useCase"] == "classification"


@pytest.mark.parametrize("said", ["nothing of the sort", '{"label": "other"}', "[[x", "{"])
async def test_classify_answers_with_one_of_the_labels_whatever_the_model_says(
    admin: Caller, said: str
) -> None:
    answer = await admin.post(
        "/v1/classify",
        {"model": "sandbox", "input": f"[[say {said}]]", "labels": ["good", "bad"]},
    )
    assert answer.json["label"] in {"good", "bad"}
    assert 0 <= answer.json["confidence"] <= 1


# Keys.


async def test_a_key_is_created_with_all_its_fields_and_shown_again_without_its_secret(
    admin: Caller,
) -> None:
    fields = {
        "name": "reporting",
        "scopes": ["usage:read", "ai:complete"],
        "monthlyBudget": 12.345678901,
        "userId": "user-1",
        "workspaceId": "acme",
        "rateLimit": {"requestsPerMinute": 7, "tokensPerMinute": 9000, "concurrency": 3},
        "models": ["sandbox"],
        "expiresAt": "2199-01-01T00:00:00Z",
    }
    created = (await admin.post("/v1/auth/keys", fields)).json
    assert created["apiKey"].startswith(f"{created['keyId']}-")
    assert created["keyId"].startswith("sk-proj-")
    told = {name: created[name] for name in fields}
    expected = fields | {
        "monthlyBudget": Decimal("12.345678901"),
        "scopes": ["ai:complete", "usage:read"],
        "expiresAt": "2199-01-01T00:00:00.000Z",
    }
    assert told == expected
    shown = await admin.get(f"/v1/auth/keys/{created['keyId']}")
    del created["apiKey"]
    assert shown == created
    assert shown["revokedAt"] is None


async def test_the_list_of_keys_is_stable_while_new_ones_arrive(admin: Caller) -> None:
    made = [(await admin.new_key(name=f"key {number}"))["keyId"] for number in range(5)]
    page = await admin.get("/v1/auth/keys", limit=2)
    seen = [key["keyId"] for key in page["data"]]
    assert seen == made[:-3:-1]
    assert all("apiKey" not in key for key in page["data"])
    while page["nextCursor"] is not None and len(seen) < 5:
        await admin.new_key(name="an intruder")
        page = await admin.get("/v1/auth/keys", limit=2, cursor=page["nextCursor"])
        seen += [key["keyId"] for key in page["data"]]
    assert seen[:5] == made[::-1]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}])
async def test_a_page_size_out_of_bounds_is_refused(admin: Caller, query: dict[str, Any]) -> None:
    answer = await admin.send("GET", "/v1/auth/keys", query=query)
    assert (answer.status, answer.error["param"]) == (400, "limit")


async def test_a_key_is_changed_and_the_change_holds_at_once(admin: Caller) -> None:
    key = await admin.new_key("ai:complete", monthlyBudget=3)
    path = f"/v1/auth/keys/{key['keyId']}"
    async with Caller(admin.url, key["apiKey"]) as caller:
        assert (await caller.ask("hello")).status == 200
        changed = await admin.send(
            "PATCH", path, {"name": "other", "models": ["local"], "monthlyBudget": 4}
        )
        assert changed.json["name"] == "other"
        assert changed.json["monthlyBudget"] == 4
        assert changed.json["scopes"] == ["ai:complete"]
        assert (await caller.ask("hello")).status == 404
        await admin.send("PATCH", path, {"models": None, "scopes": ["ai:embed"]})
        assert (await caller.ask("hello")).status == 403
        await admin.send("PATCH", path, {"scopes": ["ai:complete"], "monthlyBudget": 0})
        # Even for a caller who never pauses; the promise is a second, the machine may be busy.
        await eventually(
            lambda: caller.ask("hello"), lambda answer: answer.status == 402, seconds=5
        )
        removed = await admin.send("PATCH", path, {"monthlyBudget": None})
        assert removed.json["monthlyBudget"] is None
        assert (await caller.ask("hello")).status == 200
        await admin.send("PATCH", path, {"expiresAt": "2001-01-01T00:00:00Z"})
        assert (await caller.ask("hello")).status == 401
    assert (await admin.get(path))["expiresAt"] == "2001-01-01T00:00:00.000Z"


async def test_a_rotated_keys_old_secret_works_for_its_grace_only(admin: Caller) -> None:
    key = await admin.new_key()
    path = f"/v1/auth/keys/{key['keyId']}/rotate"
    gentle = (await admin.post(path, {"graceSeconds": 3600})).json
    assert gentle["keyId"] == key["keyId"]
    assert gentle["apiKey"] != key["apiKey"]
    async with (
        Caller(admin.url, key["apiKey"]) as first,
        Caller(admin.url, gentle["apiKey"]) as second,
    ):
        assert (await first.ask("hello")).status == (await second.ask("hello")).status == 200
        hard = (await admin.post(path, {})).json
        async with Caller(admin.url, hard["apiKey"]) as third:
            assert (await third.ask("hello")).status == 200
        assert (await second.ask("hello")).status == 401
        # The grace that the first secret was given ended with the harder rotation.
        assert (await first.ask("hello")).status == 401


async def test_a_revoked_key_is_refused_and_stays_on_record(admin: Caller) -> None:
    key = await admin.new_key()
    path = f"/v1/auth/keys/{key['keyId']}"
    async with Caller(admin.url, key["apiKey"]) as caller:
        assert (await caller.ask("hello")).status == 200
        revoked = await admin.send("DELETE", path)
        assert (revoked.status, revoked.json["keyId"]) == (200, key["keyId"])
        assert revoked.json["revokedAt"]
        answer = await caller.ask("hello")
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    again = await admin.send("DELETE", path)
    assert again.json["revokedAt"] == revoked.json["revokedAt"]
    assert (await admin.post(f"{path}/rotate", {})).status == 400


async def test_a_key_works_in_either_header(headgate: Headgate, admin: Caller) -> None:
    key = await admin.new_key()
    for header in (
        {"authorization": f"Bearer {key['apiKey']}"},
        {"authorization": f"bearer   {key['apiKey']}"},
        {"x-api-key": key["apiKey"]},
    ):
        async with http_client(headgate.url) as client:
            answer = await client.post("/v1/complete", json=chat("hello"), headers=header)
        assert answer.status_code == 200


def kind_of_error(row: Route, answer: Answer) -> str:
    """What programs look at, in the words of the route."""
    if row.errors == "anthropic":
        assert answer.json.keys() == {"type", "error", "request_id"}
        return str(answer.json["error"]["type"])
    return str(answer.error["code"])


@pytest.mark.parametrize("row", GUARDED, ids=lambda row: f"{row.method} {row.path}")
async def test_each_route_refuses_a_key_without_its_scope(admin: Caller, row: Route) -> None:
    """Before it reads the body: what a key may not do is not told what is wrong with it."""
    others = sorted(ALL_SCOPES - {row.access})
    async with admin.newcomer(*others) as caller:
        method, path = request_of(row)
        answer = await caller.send(method, path)
        assert (answer.status, kind_of_error(row, answer)) == (
            (403, "permission_error") if row.errors == "anthropic" else (403, "insufficient_scope")
        )
        assert row.access in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "row",
    [row for row in routes() if row.access not in OPEN_HERE],
    ids=lambda row: f"{row.method} {row.path}",
)
async def test_each_route_but_the_open_ones_refuses_who_has_no_key(
    headgate: Headgate, row: Route
) -> None:
    method, path = request_of(row)
    async with http_client(headgate.url) as client:
        found = await client.request(method, path)
    answer = Answer(found.status_code, found.headers, found.content)
    assert (answer.status, kind_of_error(row, answer)) == (
        (401, "authentication_error") if row.errors == "anthropic" else (401, "invalid_api_key")
    )
    assert answer.headers["x-request-id"]


async def test_an_admin_may_do_everything(admin: Caller) -> None:
    async with admin.newcomer("admin") as caller:
        assert (await caller.ask("hello")).status == 200
        assert (await caller.send("GET", "/v1/usage")).status == 200
        assert (await caller.send("GET", "/v1/auth/keys")).status == 200


# Budgets.


@pytest.mark.parametrize("scope", ["key", "user", "workspace", "model"])
async def test_a_budget_is_set_read_holds_and_is_removed(admin: Caller, scope: str) -> None:
    name = f"budgeted-{scope}"
    key = await admin.new_key(userId=f"{name}-user", workspaceId=f"{name}-workspace")
    ids = {
        "key": key["keyId"],
        "user": key["userId"],
        "workspace": key["workspaceId"],
        "model": "sandbox",
    }
    account = {"scope": scope, "id": ids[scope]}
    spent = (await admin.budget(**account))["spent"]
    async with Caller(admin.url, key["apiKey"]) as caller:
        assert (await caller.ask("one two")).status == 200
        # What was spent before there was a limit counts: 2 and 4 words, with 2 %.
        limit = spent + Decimal("0.00002")
        told = await admin.send(
            "PUT",
            "/v1/usage/budget",
            account | {"monthlyBudget": float(limit), "alertThresholds": [0.5]},
        )
        try:
            assert told.status == 200
            budget = await admin.budget(**account)
            assert told.json.items() >= account.items()
            assert budget["monthlyBudget"] == limit
            assert budget["spent"] == spent + Decimal("0.0000102")
            assert budget["remaining"] == Decimal("0.0000098")
            assert (budget["reserved"], budget["unconfirmed"]) == (0, 0)
            assert (budget["hard"], budget["alertThresholds"]) == (True, [Decimal("0.5")])
            assert budget["periodStart"] < budget["resetsAt"]
            assert budget["projected"] >= budget["spent"]
            refused = await caller.ask("one two", maxTokens=4)
            assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
            assert refused.headers["x-should-retry"] == "false"
            assert refused.error["budget"] == {
                **account,
                "limit": limit,
                "spent": budget["spent"],
                "reserved": 0,
                "resetsAt": budget["resetsAt"],
            }
            soft = account | {"monthlyBudget": float(limit), "hard": False}
            await admin.send("PUT", "/v1/usage/budget", soft)
            assert (await caller.ask("one two", maxTokens=4)).status == 200
        finally:
            removed = await admin.send("PUT", "/v1/usage/budget", account | {"monthlyBudget": None})
        assert (removed.json["monthlyBudget"], removed.json["remaining"]) == (None, None)
        assert (await caller.ask("one two", maxTokens=4)).status == 200


async def test_an_exhausted_key_still_reads_its_own_budget_and_usage(admin: Caller) -> None:
    async with admin.newcomer(monthlyBudget=0, userId="poor-user") as caller:
        assert (await caller.ask("hello")).status == 402
        own = await caller.get("/v1/usage/budget")
        assert (own["scope"], own["remaining"]) == ("key", 0)
        assert [budget["scope"] for budget in own["budgets"]] == ["key", "user", "workspace"]
        assert (await caller.get("/v1/usage"))["totals"]["requests"] == 0
    async with admin.newcomer("ai:complete", monthlyBudget=0) as caller:
        assert (await caller.get("/v1/usage/budget"))["remaining"] == 0


async def test_calls_that_cost_nothing_need_no_budget(admin: Caller) -> None:
    async with admin.newcomer(monthlyBudget=0) as caller:
        answer = await caller.ask("What is a budget?", model="local")
    assert answer.status == 200
    assert answer.headers["x-cost"] == "0"


async def test_an_output_limit_that_was_sent_is_kept_and_a_missing_one_lowered(
    admin: Caller,
) -> None:
    # 1 word in and 200 out cost 401 µ$, with 2 %: 409.02 µ$.
    async with admin.newcomer(monthlyBudget=0.00040902) as caller:
        refused = await caller.ask("x [[tokens 1]]", maxTokens=201)
        assert refused.status == 402
        shortened = await caller.ask("x [[tokens 500]]")
        assert shortened.status == 200
        assert shortened.json["finishReason"] == "length"
        assert shortened.json["usage"]["outputTokens"] == 200
        assert shortened.headers["x-budget-remaining"] == "0"
        assert (await caller.ask("x [[tokens 1]]")).status == 402


async def test_only_an_admin_reads_and_sets_the_budgets_of_others(admin: Caller) -> None:
    async with admin.newcomer(userId="curious") as caller:
        for scope, id_ in (("user", "somebody-else"), ("model", "sandbox"), ("key", "sk-proj-x")):
            answer = await caller.send("GET", "/v1/usage/budget", query={"scope": scope, "id": id_})
            assert (answer.status, answer.error["code"]) == (403, "insufficient_scope")
        assert (await caller.budget("user", "curious"))["id"] == "curious"
        body = {"scope": "user", "id": "curious", "monthlyBudget": 1000}
        assert (await caller.send("PUT", "/v1/usage/budget", body)).status == 403


# Usage.


async def test_usage_is_its_own_users_or_keys_and_an_admins_all(admin: Caller) -> None:
    async with (
        admin.newcomer(userId="anna") as anna,
        admin.newcomer(userId="anna") as annas_other,
        admin.newcomer(userId="bert") as bert,
        admin.newcomer() as nobody,
    ):
        for caller in (anna, annas_other, bert, nobody, nobody):
            assert (await caller.ask("hello")).status == 200
        assert (await anna.get("/v1/usage"))["totals"]["requests"] == 2
        assert (await bert.get("/v1/usage"))["totals"]["requests"] == 1
        assert (await nobody.get("/v1/usage"))["totals"]["requests"] == 2
        assert {event["userId"] for event in await anna.events()} == {"anna"}
        # Asking for another's gives one's own.
        others = await bert.get("/v1/usage", userId="anna", groupBy="user")
        assert {row["user"] for row in others["rows"]} <= {"bert"}
        assert {event["userId"] for event in await bert.events(userId="anna")} <= {"bert"}
        (key_id,) = {event["keyId"] for event in await nobody.events()}
        assert (await bert.get("/v1/usage", keyId=key_id))["totals"]["requests"] == 0
        assert (await admin.get("/v1/usage", userId="anna"))["totals"]["requests"] == 2
        assert (await admin.get("/v1/usage", keyId=key_id))["totals"]["requests"] == 2


async def test_usage_by_every_dimension(admin: Caller) -> None:
    async with admin.newcomer(userId="dora", workspaceId="doras") as caller:
        first = await caller.ask("one", tags=["red", "blue"])
        second = await caller.ask("one", tags=["red"])
        third = await caller.post("/v1/embed", {"model": "sandbox", "input": "one"})
        assert {first.status, second.status, third.status} == {200}
        events = await caller.events()
        assert len(events) == 3
        key_id = events[0]["keyId"]
        expected: dict[str, dict[str, int]] = {
            "model": {"sandbox": 3},
            "provider": {"sandbox": 3},
            "user": {"dora": 3},
            "key": {key_id: 3},
            "workspace": {"doras": 3},
            "tag": {"red": 2, "blue": 1},
        }
        for by, counts in expected.items():
            answer = await caller.get("/v1/usage", groupBy=by)
            assert {row[by]: row["requests"] for row in answer["rows"]} == counts, by
            assert answer["totals"]["requests"] == 3
        for by in ("day", "hour"):
            answer = await caller.get("/v1/usage", groupBy=by)
            assert total(answer["rows"]) == total(events)
            names = {row[by][: 10 if by == "day" else 13] for row in answer["rows"]}
            assert names == {event["timestamp"][: 10 if by == "day" else 13] for event in events}
        wrong = await caller.send("GET", "/v1/usage", query={"groupBy": "colour"})
        assert (wrong.status, wrong.error["param"]) == (400, "groupBy")


async def test_usage_from_is_inclusive_and_to_is_exclusive(admin: Caller) -> None:
    async with admin.newcomer(userId="tim") as caller:
        answer = await caller.ask("hello")
        at = (await caller.event_of(answer.headers["x-request-id"]))["timestamp"]
        after = (dt.datetime.fromisoformat(at) + dt.timedelta(milliseconds=1)).isoformat()
        assert len(await caller.events(**{"from": at, "to": after})) == 1
        assert await caller.events(to=at) == []
        assert await caller.events(**{"from": after}) == []
        longer = {"from": "2020-01-01", "to": "2199-01-01"}
        assert (await caller.get("/v1/usage", **longer))["totals"]["requests"] == 1
        past = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00+00:00"}
        answer_of_then = await caller.get("/v1/usage", groupBy="model", **past)
        assert (answer_of_then["totals"]["requests"], answer_of_then["rows"]) == (0, [])
    for wrong in ({"from": "yesterday"}, {"to": "13"}, {"from": "2021-01-01", "to": "2020-01-01"}):
        assert (await admin.send("GET", "/v1/usage", query=wrong)).status == 400


async def test_events_are_paged_newest_first_without_a_gap_or_a_repeat(admin: Caller) -> None:
    async with admin.newcomer(userId="paula") as caller:
        asked = [(await caller.ask("hello")).headers["x-request-id"] for _ in range(5)]
        page = await caller.get("/v1/usage/events", limit=2)
        seen = [event["requestId"] for event in page["data"]]
        await caller.ask("one more")
        while page["nextCursor"] is not None:
            page = await caller.get("/v1/usage/events", limit=2, cursor=page["nextCursor"])
            seen += [event["requestId"] for event in page["data"]]
        assert seen == asked[::-1]
        assert len(await caller.events()) == 6


async def test_an_event_has_every_field_of_the_contract(admin: Caller) -> None:
    answer = await admin.ask("hello", useCase="greeting", tags=["t"])
    event = await admin.event_of(answer.headers["x-request-id"])
    assert event.keys() >= {
        *("id", "requestId", "timestamp", "userId", "keyId", "workspaceId", "provider", "model"),
        *("useCase", "requestType", "inputTokens", "cachedInputTokens", "outputTokens"),
        *("reasoningTokens", "cost", "billed", "byok", "cache", "status", "latencyMs"),
        *("firstTokenMs", "tags", "priceVersion", "estimated"),
    }
    assert (event["useCase"], event["requestType"]) == ("greeting", "completion")
    assert (event["workspaceId"], event["userId"]) == ("default", None)
    assert event["timestamp"].endswith("Z")


# HTTP.


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
async def test_health_needs_no_key(headgate: Headgate, path: str) -> None:
    async with http_client(headgate.url) as client:
        answer = await client.get(path)
        head = await client.head(path)
    assert answer.json().items() >= {"status": "ok"}.items()
    assert answer.json()["version"]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.headers["x-request-id"] != answer.headers["x-request-id"]


async def test_the_document_and_its_page_need_no_key(headgate: Headgate) -> None:
    async with http_client(headgate.url) as client:
        document = await client.get("/openapi.json")
        page = await client.get("/docs")
    assert document.json()["openapi"].startswith("3.1")
    assert set(document.json()["paths"]) >= {"/v1/complete", "/v1/usage/budget"}
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("origin", ["https://example.com", "null"])
async def test_a_browser_of_any_origin_is_let_in(headgate: Headgate, origin: str) -> None:
    async with http_client(headgate.url) as client:
        preflight = await client.options(
            "/v1/complete",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type,idempotency-key",
            },
        )
        answer = await client.post("/v1/complete", headers={"origin": origin})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] in {"*", origin}
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        allowed.replace(" ", "").split(",")
    )
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["x-request-id"]
    # Errors too, or a page could not read them.
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] in {"*", origin}
    assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()


async def test_every_answer_has_a_request_id_of_its_own(headgate: Headgate, admin: Caller) -> None:
    answers = [
        await admin.ask("hello"),
        await admin.stream("hello"),
        await admin.ask("[[fail 500]]"),
        await admin.ask("hello", model="no-such-model"),
        await admin.send("GET", "/v1/usage"),
        await admin.send("GET", "/nowhere"),
        await admin.send("PUT", "/v1/complete", {}),
        await admin.send("OPTIONS", "/v1/complete"),
        await admin.send("HEAD", "/v1/models"),
        await admin.send("POST", "/v1/complete"),
    ]
    assert [answer.status for answer in answers[2:8]] == [502, 404, 200, 404, 405, 405]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(answers)


async def test_many_streams_at_once_keep_apart(admin: Caller) -> None:
    async def one(number: int) -> None:
        answer = await admin.stream(f"[[tokens {number}]] [[rate 2000]]")
        *deltas, done = answer.events
        assert "".join(delta["content"] for delta in deltas).split() == ["word"] * number
        assert done["usage"]["outputTokens"] == number

    await asyncio.gather(*(one(number) for number in range(1, 41)))


async def test_pieces_arrive_while_the_rest_is_still_to_come(admin: Caller) -> None:
    """The sandbox waits a minute after the second token; the first has been read by then."""
    async with admin.opened("/v1/stream", chat("[[tokens 3]] [[rate 0.01]]")) as answer:
        first = await anext(answer.aiter_raw())
        assert events_of(first) == [{"type": "delta", "content": "word"}]
    request_id = answer.headers["x-request-id"]
    event = await admin.event_of(request_id)
    assert (event["status"], event["outputTokens"]) == ("cancelled", 1)


async def test_nothing_stays_reserved_when_nobody_calls(admin: Caller) -> None:
    async with admin.newcomer(monthlyBudget=5, userId="idle") as caller:
        await asyncio.gather(*(caller.ask("hello [[tokens 5]]") for _ in range(20)))
        budget = await eventually(
            lambda: caller.get("/v1/usage/budget"), lambda found: found["reserved"] == 0
        )
        assert budget["spent"] == total(await caller.events())
