import json

import pytest

from fake_installation import FakeInstallation, answering, invoke, refusal, reply

CREATED = {"apiKey": "sk-proj-a-b", "keyId": "sk-proj-a", "name": "ci", "scopes": []}


def test_a_key_is_created_as_asked_and_its_secret_is_all_of_the_output() -> None:
    installation = answering(reply(CREATED, 201))
    arguments = (
        "--name ci --scope ai:complete --scope usage:read --budget 0.1 --user ana --workspace acme"
        " --rpm 60 --tpm 1000 --concurrency 2 --model gpt-4o --expires-at 2030-01-01T00:00:00Z"
    )
    result = invoke(installation, "keys", "create", *arguments.split())
    assert (result.exit_code, result.stdout) == (0, "sk-proj-a-b\n")
    (asked,) = installation.connection.asked
    assert (asked.method, asked.path) == ("POST", "/v1/auth/keys")
    assert asked.body == {
        "name": "ci",
        "scopes": ["ai:complete", "usage:read"],
        "monthlyBudget": 0.1,
        "userId": "ana",
        "workspaceId": "acme",
        "rateLimit": {"requestsPerMinute": 60, "tokensPerMinute": 1000, "concurrency": 2},
        "models": ["gpt-4o"],
        "expiresAt": "2030-01-01T00:00:00Z",
    }


def test_what_is_not_given_is_not_sent() -> None:
    installation = answering(reply(CREATED, 201))
    invoke(installation, "keys", "create", "--name", "ci")
    body = {"name": "ci", "scopes": ["ai:complete", "ai:embed"]}
    assert installation.connection.asked[0].body == body


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget", "ten"), "'ten' is not an amount of dollars"),
        (("--budget", "-1"), "-1 is negative"),
        (("--budget", "0.0000000001"), "more than nine decimals"),
        (("--scope", "root"), "is not one of"),
        (("--rpm", "0"), "is not in the range"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_asks_nothing(
    arguments: tuple[str, ...], message: str
) -> None:
    installation = FakeInstallation()
    result = invoke(installation, "keys", "create", "--name", "ci", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert installation.connection.asked == []


def test_all_pages_of_keys_are_listed() -> None:
    first = {"keyId": "sk-proj-a", "name": "one", "scopes": ["admin"], "monthlyBudget": 0.5}
    second = {"keyId": "sk-proj-b", "name": "two", "scopes": [], "revokedAt": "2030-01-01"}
    pages = (
        reply({"data": [first], "nextCursor": "next"}),
        reply({"data": [second], "nextCursor": None}),
    )
    installation = answering(*pages)
    result = invoke(installation, "keys", "list")
    assert result.exit_code == 0
    for word in ("sk-proj-a", "$0.5", "admin", "sk-proj-b", "revoked"):
        assert word in result.stdout
    assert ("cursor", "next") in installation.connection.asked[1].query
    printed = invoke(answering(*pages), "keys", "list", "--json").stdout
    assert [key["name"] for key in json.loads(printed)["data"]] == ["one", "two"]


def test_a_key_is_revoked_by_its_id_whatever_that_holds() -> None:
    installation = answering(reply({"keyId": "a/b"}))
    result = invoke(installation, "keys", "revoke", "a/b")
    assert (result.exit_code, result.stdout) == (0, "Revoked a/b.\n")
    asked = installation.connection.asked[0]
    assert (asked.method, asked.path) == ("DELETE", "/v1/auth/keys/a%2Fb")


def test_a_key_is_rotated_with_a_grace_period() -> None:
    installation = answering(reply(CREATED))
    result = invoke(installation, "keys", "rotate", "sk-proj-a", "--grace-seconds", "60")
    assert result.stdout == "sk-proj-a-b\n"
    asked = installation.connection.asked[0]
    assert (asked.path, asked.body) == ("/v1/auth/keys/sk-proj-a/rotate", {"graceSeconds": 60})


def test_a_refusal_is_one_sentence_and_exit_code_1() -> None:
    installation = answering(refusal(404, "not_found", "There is no such key."))
    result = invoke(installation, "keys", "revoke", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no such key.\n"
