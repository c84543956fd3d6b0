"""The routes of users' own vendor keys: whose key is meant, and who may ask."""

import pytest

from fakes import FakeProvider
from headgate.core.models import Provider
from platform_in_memory import Platform, make_key, platform

PATH = "/v1/providers/one/key"
SECRET = "sk-adas-own-1234"


class KeyedProvider(FakeProvider):
    """A vendor that takes keys."""

    def with_key(self, api_key: str) -> Provider:
        return FakeProvider(self.provider)


async def known(running: Platform, user: str) -> int:
    """The status of an administrator's question for a user's key."""
    return (await running.call("GET", PATH, query=f"userId={user}")).status


async def test_a_key_with_a_user_sets_that_users_key() -> None:
    async with platform(KeyedProvider("one")) as running:
        ada = await make_key(running, userId="ada")
        made = await running.call("PUT", PATH, {"apiKey": SECRET}, key=ada)
        assert (made.status, made.json["userId"], made.json["lastFour"]) == (200, "ada", "1234")
        assert made.json["provider"] == "one"
        named = await running.call("PUT", PATH, {"apiKey": SECRET, "userId": "ada"}, key=ada)
        assert named.status == 200
        assert (await running.call("GET", PATH, key=ada)).json == named.json
        assert (await known(running, "ada"), await known(running, "bob")) == (200, 404)


async def test_an_administrator_sets_anyones_key() -> None:
    async with platform(KeyedProvider("one")) as running:
        assert (await running.call("PUT", PATH, {"apiKey": SECRET})).status == 400
        body = {"apiKey": SECRET, "userId": "bob"}
        assert (await running.call("PUT", PATH, body)).status == 200
        assert await known(running, "bob") == 200
        assert (await running.call("DELETE", PATH, query="userId=bob")).status == 200
        assert await known(running, "bob") == 404


async def test_an_administrator_with_a_user_means_that_one_by_default() -> None:
    async with platform(KeyedProvider("one")) as running:
        eve = await make_key(running, scopes=["admin"], userId="eve")
        assert (await running.call("PUT", PATH, {"apiKey": SECRET}, key=eve)).status == 200
        assert await known(running, "eve") == 200


@pytest.mark.parametrize("user", [None, "ada"])
async def test_others_keys_are_nobodys_business(user: str | None) -> None:
    async with platform(KeyedProvider("one")) as running:
        key = await make_key(running, **({} if user is None else {"userId": user}))
        body = {"apiKey": SECRET, "userId": "bob"}
        assert (await running.call("PUT", PATH, body, key=key)).status == 403
        for method in ("GET", "DELETE"):
            answer = await running.call(method, PATH, key=key, query="userId=bob")
            assert (answer.status, answer.json["error"]["code"]) == (403, "insufficient_scope")
        assert await known(running, "bob") == 404
