"""People's words are logged where an operator has switched that on, and nowhere else."""

import logging
from pathlib import Path

import pytest

from headgate.bootstrap.contents import content_log, secrets_of, warn_of_contents
from headgate.bootstrap.telemetry import telemetry_of
from headgate.settings import Settings, SettingsError

ON = {"HEADGATE_LOG_CONTENT": "true", "LOG_FORMAT": "json"}


def test_by_itself_nobody_looks() -> None:
    telemetry = telemetry_of(Settings())
    assert telemetry.contents is None
    assert telemetry.observer.contents is None


def test_where_it_is_on_both_ways_are_looked_at_and_the_log_begins_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.load(ON, tmp_path)
    telemetry = telemetry_of(settings)
    assert telemetry.contents is not None
    assert telemetry.observer.contents is telemetry.contents
    with caplog.at_level(logging.WARNING):
        warn_of_contents(Settings())
        assert not caplog.records
        warn_of_contents(settings)
    (warning,) = caplog.records
    assert "HEADGATE_LOG_CONTENT is on" in warning.getMessage()


def test_a_log_for_people_takes_no_contents(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs LOG_FORMAT=json"):
        Settings.load({"HEADGATE_LOG_CONTENT": "true"}, tmp_path)


def test_every_secret_that_the_process_was_given_is_known(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        '[vendors.groq]\nbase_url = "https://api.example.com/v1"\napi_key_env = "GROQ"\n'
        '[tools.mcp.shop]\nurl = "https://example.com/mcp"\napi_key_env = "SHOP"\n'
        '[tools.mcp.files]\ncommand = ["serve-files"]\nenvironment = ["FILES"]\n'
    )
    given = {
        "OPENAI_API_KEY": "one",
        "SLACK_WEBHOOK_URL": "https://two.example",
        "GROQ": "three",
        "SHOP": "four",
        "FILES": "five",
        "HEADGATE_DATA": str(tmp_path),
        "LOG_LEVEL": "debug",
    }
    secrets = [secret.reveal() for secret in secrets_of(Settings.load(given, tmp_path))]
    assert sorted(secrets) == ["five", "four", "https://two.example", "one", "three"]
    assert content_log(Settings()) is None
