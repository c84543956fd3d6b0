"""The routes by which an administrator sets what holds for a workspace."""

from typing import Any

import pytest

from platform_in_memory import Platform, chat, make_key, platform

PATH = "/v1/workspaces/acme"


async def billed(running: Platform, key: str) -> tuple[Any, Any]:
    answer = await running.call("POST", "/v1/complete", chat("hello"), key=key)
    assert answer.status == 200, answer.json
    event = max(running.ledger._events.values(), key=lambda event: event.id)
    return event.cost, event.billed


async def test_a_markup_holds_for_the_next_call_of_its_workspace() -> None:
    async with platform() as running:
        acme = await make_key(running, workspaceId="acme")
        other = await make_key(running, workspaceId="other")
        changed = await running.call("PUT", PATH, {"markup": 1.5})
        assert (changed.status, changed.json["markup"]) == (200, 1.5)
        cost, charged = await billed(running, acme)
        assert charged == -(-cost * 5 // 2)
        cost, charged = await billed(running, other)
        assert charged == -(-cost * 102 // 100)
        await running.call("DELETE", PATH)
        cost, charged = await billed(running, acme)
        assert charged == -(-cost * 102 // 100)


async def test_a_workspace_says_what_holds_and_what_of_it_was_set_here() -> None:
    async with platform() as running:
        before = await running.call("GET", PATH)
        assert before.json == {
            "workspaceId": "acme",
            "markup": 0.02,
            "allowedHosts": None,
            "setHere": [],
            "changedAt": None,
        }
        hosts = ["api.example.com", "*.example.org"]
        changed = await running.call("PUT", PATH, {"allowedHosts": hosts})
        assert changed.json["allowedHosts"] == hosts
        assert (changed.json["markup"], changed.json["setHere"]) == (0.02, ["allowedHosts"])
        assert (await running.call("GET", PATH)).json == changed.json
        assert (await running.call("PUT", PATH, {"markup": 0})).json["allowedHosts"] is None
        assert (await running.call("DELETE", PATH)).json == before.json


async def test_null_lets_a_workspace_reach_all_hosts_and_no_host_is_a_list_too() -> None:
    async with platform() as running:
        freed = await running.call("PUT", PATH, {"allowedHosts": None})
        assert (freed.json["allowedHosts"], freed.json["setHere"]) == (None, ["allowedHosts"])
        assert (await running.call("PUT", PATH, {"allowedHosts": []})).json["allowedHosts"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"markup": -0.1}, "markup"),
        ({"markup": 10.5}, "markup"),
        ({"markup": 0.0000001}, "markup"),
        ({"markup": "2 %"}, "markup"),
        ({"markup": None}, "markup"),
        ({"allowedHosts": ["https://api.example.com"]}, "allowedHosts"),
        ({"allowedHosts": ["api.example.com/v1"]}, "allowedHosts"),
        ({"allowedHosts": ["*"]}, "allowedHosts"),
        ({"allowedHosts": "api.example.com"}, "allowedHosts"),
        ({"files": "/etc"}, "files"),
        ({"database": "sales.db"}, "database"),
        ({"allowed_hosts": []}, "allowed_hosts"),
    ],
)
async def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    body: dict[str, Any], param: str
) -> None:
    async with platform() as running:
        answer = await running.call("PUT", PATH, body)
        assert (answer.status, answer.json["error"]["param"]) == (400, param)
        assert (await running.call("GET", PATH)).json["setHere"] == []


async def test_an_id_longer_than_a_keys_can_be_is_refused() -> None:
    async with platform() as running:
        answer = await running.call("PUT", f"/v1/workspaces/{'a' * 129}", {})
        assert (answer.status, answer.json["error"]["param"]) == (400, "workspaceId")


async def test_an_id_with_a_slash_is_written_encoded() -> None:
    """As it is, it would be the path of something else."""
    async with platform() as running:
        changed = await running.call("PUT", "/v1/workspaces/sales/north", {"markup": 0})
        assert changed.status == 404
        changed = await running.call("PUT", "/v1/workspaces/sales%2fnorth", {"markup": 0})
        assert (changed.status, changed.json["workspaceId"]) == (200, "sales/north")


async def test_workspaces_are_listed_page_by_page() -> None:
    async with platform() as running:
        for name in ("mill", "acme", "zoo"):
            await running.call("PUT", f"/v1/workspaces/{name}", {"markup": 0})
        first = (await running.call("GET", "/v1/workspaces", query="limit=2")).json
        assert [item["workspaceId"] for item in first["data"]] == ["acme", "mill"]
        query = f"limit=2&cursor={first['nextCursor']}"
        last = (await running.call("GET", "/v1/workspaces", query=query)).json
        assert [item["workspaceId"] for item in last["data"]] == ["zoo"]
        assert last["nextCursor"] is None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_administrators_ask_and_change(method: str) -> None:
    async with platform() as running:
        key = await make_key(running, workspaceId="acme")
        assert (await running.call(method, PATH, {}, key=key)).status == 403
        assert (await running.call("GET", "/v1/workspaces", key=key)).status == 403
