"""The routes by which an administrator manages keys."""

import time

import pytest

from headgate.core.times import iso
from platform_in_memory import chat, make_key, platform

KEYS = "/v1/auth/keys"


async def test_a_key_is_told_once_and_kept_without_its_secret() -> None:
    fields = {
        "name": "reports",
        "scopes": ["ai:complete"],
        "monthlyBudget": 12.5,
        "userId": "ada",
        "workspaceId": "acme",
        "rateLimit": {"requestsPerMinute": 60, "tokensPerMinute": 1000, "concurrency": 2},
        "models": ["sandbox"],
        "expiresAt": "2100-01-01T00:00:00Z",
    }
    async with platform() as running:
        made = await running.call("POST", KEYS, fields)
        shown = await running.call("GET", f"{KEYS}/{made.json['keyId']}")
    assert made.status == 201
    assert made.json["apiKey"].startswith(made.json["keyId"] + "-")
    kept = dict(made.json)
    del kept["apiKey"]
    assert shown.json == kept
    for name in ("name", "scopes", "monthlyBudget", "userId", "workspaceId", "rateLimit", "models"):
        assert shown.json[name] == fields[name]
    assert shown.json["expiresAt"] == "2100-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes[0]"),
        ({"monthlyBudget": -1}, "monthlyBudget"),
        ({"monthlyBudget": "5"}, "monthlyBudget"),
        ({"monthlyBudget": 0.1234567891}, "monthlyBudget"),
        ({"rateLimit": {"concurrency": 0}}, "rateLimit.concurrency"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"monthlyBugdet": 5}, "monthlyBugdet"),
        ({"rateLimit": {"rpm": 5}}, "rateLimit.rpm"),
    ],
)
async def test_a_wrong_field_is_400_and_named(change: dict[str, object], param: str) -> None:
    async with platform() as running:
        body = {"name": "x", "scopes": ["ai:complete"]} | change
        answer = await running.call("POST", KEYS, body)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)


async def test_keys_are_listed_newest_first_and_stay_so_while_new_ones_arrive() -> None:
    async with platform() as running:
        for number in range(5):
            await make_key(running, name=f"k{number}")
        first = await running.call("GET", KEYS, query="limit=2")
        await make_key(running, name="late")
        cursor = first.json["nextCursor"]
        second = await running.call("GET", KEYS, query=f"limit=2&cursor={cursor}")
        last = await running.call("GET", KEYS, query=f"limit=2&cursor={second.json['nextCursor']}")
    names = [key["name"] for page in (first, second, last) for key in page.json["data"]]
    assert names == ["k4", "k3", "k2", "k1", "k0"]
    assert last.json["nextCursor"] is None


@pytest.mark.parametrize("path", [KEYS, "/v1/usage/events", "/v1/usage/unconfirmed"])
async def test_a_wrong_cursor_is_refused_by_every_list(path: str) -> None:
    async with platform() as running:
        for _ in range(2):
            await make_key(running)
        other = KEYS if path != KEYS else "/v1/usage/events"
        for _ in range(2):
            body = {"model": "sandbox", "messages": [{"role": "user", "content": "hello"}]}
            await running.call("POST", "/v1/complete", body)
        others = (await running.call("GET", other, query="limit=1")).json["nextCursor"]
        for wrong in ("made-up", "", others, others[:-1]):
            answer = await running.call("GET", path, query=f"cursor={wrong}")
            assert (answer.status, answer.json["error"]["param"]) == (400, "cursor")
            assert "nextCursor" in answer.json["error"]["message"]


async def test_a_key_can_be_changed_and_a_limit_removed() -> None:
    async with platform() as running:
        made = await running.call(
            "POST", KEYS, {"name": "x", "scopes": ["ai:complete"], "monthlyBudget": 1}
        )
        path = f"{KEYS}/{made.json['keyId']}"
        changes = {"name": "y", "monthlyBudget": None, "models": ["sandbox"]}
        changed = await running.call("PATCH", path, changes)
    assert changed.json["name"] == "y"
    assert changed.json["monthlyBudget"] is None
    assert changed.json["models"] == ["sandbox"]
    assert changed.json["scopes"] == ["ai:complete"]


async def test_a_changed_amount_leaves_the_rest_of_a_budget_as_it_was() -> None:
    async with platform() as running:
        made = await running.call(
            "POST", KEYS, {"name": "x", "scopes": ["ai:complete"], "monthlyBudget": 1}
        )
        key_id = made.json["keyId"]
        soft = {"monthlyBudget": 1, "hard": False, "alertThresholds": [0.3]}
        await running.call("PUT", "/v1/usage/budget", {"scope": "key", "id": key_id} | soft)
        await running.call("PATCH", f"{KEYS}/{key_id}", {"monthlyBudget": 2})
        budget = await running.call("GET", "/v1/usage/budget", query=f"scope=key&id={key_id}")
    assert budget.json["monthlyBudget"] == 2
    assert (budget.json["hard"], budget.json["alertThresholds"]) == (False, [0.3])


async def test_a_revoked_key_stops_at_once() -> None:
    async with platform() as running:
        key = await make_key(running)
        assert (await running.call("POST", "/v1/complete", chat("x"), key=key)).status == 200
        listed = await running.call("GET", KEYS)
        path = f"{KEYS}/{listed.json['data'][0]['keyId']}"
        revoked = await running.call("DELETE", path)
        answer = await running.call("POST", "/v1/complete", chat("x"), key=key)
    assert revoked.json["revokedAt"] is not None
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")


async def test_an_expired_key_is_401() -> None:
    async with platform() as running:
        key = await make_key(running, expiresAt=iso(time.time() - 1))
        answer = await running.call("GET", "/v1/models", key=key)
    assert answer.status == 401


async def test_a_rotated_key_has_a_new_secret_and_a_grace() -> None:
    async with platform() as running:
        old = await make_key(running)
        listed = await running.call("GET", KEYS)
        path = f"{KEYS}/{listed.json['data'][0]['keyId']}/rotate"
        graced = await running.call("POST", path, {"graceSeconds": 60})
        new = graced.json["apiKey"]
        assert (await running.call("GET", "/v1/models", key=old)).status == 200
        assert (await running.call("GET", "/v1/models", key=new)).status == 200
        newest = (await running.call("POST", path, {})).json["apiKey"]
        assert (await running.call("GET", "/v1/models", key=new)).status == 401
        assert (await running.call("GET", "/v1/models", key=newest)).status == 200


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_key_that_is_not_there_is_404(method: str) -> None:
    async with platform() as running:
        answer = await running.call(method, f"{KEYS}/sk-proj-nobody", {})
    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


async def test_a_key_is_rotated_without_a_body() -> None:
    """Every field of the body may be left out, and so may the body."""
    async with platform() as running:
        old = await make_key(running)
        rotated = await running.call("POST", f"{KEYS}/{old.rpartition('-')[0]}/rotate")
        refused = await running.call("GET", "/v1/models", key=old)
        taken = await running.call("GET", "/v1/models", key=rotated.json["apiKey"])
        empty = await running.call("POST", KEYS)
    assert (rotated.status, refused.status, taken.status) == (200, 401, 200)
    assert (empty.status, "empty" in empty.json["error"]["message"]) == (400, True)


async def test_a_caller_who_leaves_before_the_body_has_come_rotates_nothing() -> None:
    async with platform() as running:
        old = await make_key(running)
        client = running.client("POST", f"{KEYS}/{old.rpartition('-')[0]}/rotate")
        client._requests.clear()
        client.left.set()
        await running.app(client.scope, client.receive, client.send)
        kept = await running.call("GET", "/v1/models", key=old)
    assert (client.status, kept.status) == (400, 200)


async def test_a_list_says_on_request_when_each_key_was_last_used() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}
    async with platform() as running:
        made = [
            (await running.call("POST", "/v1/auth/keys", {"name": name, "scopes": ["ai:complete"]}))
            for name in ("used", "unused")
        ]
        await running.call("POST", "/v1/complete", body, key=made[0].json["apiKey"])
        plain = await running.call("GET", "/v1/auth/keys")
        asked = await running.call("GET", "/v1/auth/keys", query="withLastUse=true")
    (event,) = running.ledger._events.values()
    last = {item["name"]: item["lastUsedAt"] for item in asked.json["data"]}
    assert last == {"used": iso(event.timestamp / 1000), "unused": None}
    assert not any("lastUsedAt" in item for item in plain.json["data"])


async def test_a_list_says_which_keys_are_due_for_rotation_until_they_are_rotated() -> None:
    async with platform() as running:
        running.services.keys.rotate_after_days = 90
        young = await make_key(running)
        key_id = young.rpartition("-")[0]
        old = await running.services.keys.change(key_id, {"created_at": 1.0})
        await make_key(running)
        listed = (await running.call("GET", "/v1/auth/keys")).json["data"]
        assert {key["keyId"]: key["rotationDue"] for key in listed}[old.key_id] is True
        assert sum(key["rotationDue"] for key in listed) == 1
        rotated = await running.call("POST", f"/v1/auth/keys/{key_id}/rotate", {})
        assert (rotated.json["rotationDue"], rotated.json["rotatedAt"] is None) == (False, False)
