"""Keys: what they may do, for how long, and how their secrets look."""

import re
from typing import Any

import pytest

from headgate.core.keys import (
    SCOPES,
    VirtualKey,
    hash_api_key,
    new_api_key,
    new_key_id,
)


def key(**fields: Any) -> VirtualKey:
    values: dict[str, Any] = {
        "key_id": "sk-proj-one",
        "name": "one",
        "scopes": frozenset({"ai:complete"}),
        "created_at": 0.0,
    }
    return VirtualKey(**(values | fields))


def test_a_key_may_do_what_its_scopes_say() -> None:
    assert key().may("ai:complete")
    assert not key().may("ai:embed")


def test_an_admin_may_do_everything() -> None:
    admin = key(scopes=frozenset({"admin"}))
    assert all(admin.may(scope) for scope in SCOPES)


@pytest.mark.parametrize(
    ("fields", "is_usable"),
    [
        ({}, True),
        ({"expires_at": 101.0}, True),
        ({"expires_at": 100.0}, False),
        ({"revoked_at": 0.0}, False),
        ({"revoked_at": 200.0}, False),
    ],
)
def test_a_key_is_usable_until_it_is_revoked_or_expires(
    fields: dict[str, float], is_usable: bool
) -> None:
    assert key(**fields).is_usable(100.0) is is_usable


def test_a_secret_begins_with_its_keys_id() -> None:
    key_id = new_key_id()
    api_key = new_api_key(key_id)
    assert re.fullmatch(r"sk-proj-[A-Za-z0-9]{12}", key_id)
    assert re.fullmatch(re.escape(key_id) + r"-[A-Za-z0-9]{32}", api_key)
    assert new_api_key(key_id) != api_key
    assert new_key_id() != key_id


def test_a_hash_tells_nothing_of_its_key() -> None:
    api_key = new_api_key(new_key_id())
    assert re.fullmatch(r"[0-9a-f]{64}", hash_api_key(api_key))
    assert hash_api_key(api_key) == hash_api_key(api_key) != hash_api_key(api_key + "x")


def test_bytes_that_are_no_text_can_be_hashed() -> None:
    """The environment may hold any bytes."""
    assert hash_api_key(b"\xff\xfe".decode("utf-8", "surrogateescape"))
