"""The routes by which an administrator deletes a user's data."""

from urllib.parse import quote

import pytest

from headgate.core.answers import KeptAnswer, answer_key
from headgate.tools.declaration import tool
from platform_in_memory import chat, make_key, platform

PATH = "/v1/users/ada/data"


async def test_a_users_data_are_deleted_and_a_second_request_is_harmless() -> None:
    async with platform() as running:
        key = await make_key(running, userId="ada")
        assert (await running.call("GET", PATH)).json["status"] == "none"
        first = await running.call("DELETE", PATH)
        assert first.status == 200
        assert (first.json["status"], first.json["keysRevoked"]) == ("under_way", 1)
        second = await running.call("DELETE", PATH)
        assert (second.json["begunAt"], second.json["keysRevoked"]) == (first.json["begunAt"], 0)
        assert (await running.call("GET", PATH)).json == {
            "userId": "ada",
            "status": "under_way",
            "begunAt": first.json["begunAt"],
        }
        assert (await running.call("GET", "/v1/models", key=key)).status == 401


async def test_no_answer_and_no_log_leads_from_the_user_to_the_pseudonym() -> None:
    async with platform() as running:
        answer = await running.call("DELETE", PATH)
        erasure = await running.services.erasures.of("ada")
        assert erasure is not None
        records = await running.services.audit.store.records(after=0, limit=9)
        told = answer.data.decode() + "".join(record.text for record in records)
        assert "user.delete_data" in told
        assert erasure.pseudonym not in told


async def test_only_an_administrator_deletes_and_an_id_has_its_length() -> None:
    async with platform() as running:
        key = await make_key(running, userId="ada")
        assert (await running.call("DELETE", PATH, key=key)).status == 403
        long = f"/v1/users/{'a' * 129}/data"
        assert (await running.call("DELETE", long)).status == 400


@pytest.mark.parametrize(
    "user", ["sales/ada", "/", "a//b/data", "a%2Fb", "100%", "a b+c", "ada?x=1#y", "é\n;", "data"]
)
async def test_any_id_can_be_named_percent_encoded(user: str) -> None:
    async with platform() as running:
        key = await make_key(running, userId=user)
        path = f"/v1/users/{quote(user, safe='')}/data"
        begun = await running.call("DELETE", path)
        assert (begun.status, begun.json["userId"], begun.json["keysRevoked"]) == (200, user, 1)
        assert (await running.call("GET", path)).json["status"] == "under_way"
        assert (await running.call("GET", "/v1/models", key=key)).status == 401


@tool()
async def repeat(text: str) -> str:
    """Say it again."""
    return text


async def test_a_kept_answer_knows_with_whose_data_it_goes() -> None:
    """A model's, and that of a work, which no row of the ledger belongs to."""
    async with platform(tools=[repeat]) as running:
        key = await make_key(running, userId="ada", scopes=["ai:complete", "tools:run"])
        for path, body in (("/v1/complete", chat("hi")), ("/v1/tools/repeat", {"text": "hi"})):
            once = {"idempotency-key": "one"}
            told = await running.call("POST", path, body, key=key, headers=once)
            assert told.status == 200, told.data
            call = answer_key("-".join(key.split("-")[:3]), f"POST {path}", "one", b"").id
            found = await running.ledger.answers.find(call, now=0.0)
            assert isinstance(found, KeptAnswer)
            assert found.user_id == "ada"
