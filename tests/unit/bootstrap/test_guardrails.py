"""Guardrails as they are configured: the platform's, and a workspace's own in their place."""

from pathlib import Path

import pytest

from headgate.bootstrap.guardrails import guards_of
from headgate.configuration import Configuration
from headgate.core.guardrails import checked
from headgate.strict_toml import SettingsError, read_sections

CONFIGURED = """
[guardrails]
redact = ["email"]
blocked_patterns = ["ZEUS"]

[workspaces.acme.guardrails]
redact = ["card"]
redacted_patterns = ["HERA"]
allowed_domains = ["example.com"]
input = false

[workspaces.free.guardrails]
"""
TEXT = "ada@example.org 4111 1111 1111 1111 HERA http://a.example"


def test_a_workspaces_own_rules_take_the_place_of_the_platforms(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(CONFIGURED)
    guards = guards_of(read_sections(Configuration, path))
    platform, acme = guards("default"), guards("acme")
    assert platform is not None
    assert acme is not None
    assert checked(TEXT, platform.input) == TEXT.replace("ada@example.org", "[email]")
    assert platform.input == platform.output
    assert acme.input == ()
    assert checked(TEXT, acme.output) == "ada@example.org [card] [blocked] [address]"
    assert guards("free") is None


def test_without_a_configuration_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text("")
    assert guards_of(read_sections(Configuration, path))("default") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[guardrails]\nblocked_patterns = ["("]', "no regular expression"),
        ('[guardrails]\nredact = ["faces"]', "guardrails.redact"),
        ('[guardrails]\nblok = ["email"]', "did you mean block?"),
        ('[workspaces.acme.guardrails]\nblok = ["email"]', "did you mean block?"),
        ("[workspaces.acme]\nguardrails = 5", "workspaces.acme.guardrails"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_sections(Configuration, path)
    assert said in str(caught.value)
