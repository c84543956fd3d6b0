from pathlib import Path

import pytest

from headgate.settings import VARIABLES, Secret, Settings, SettingsError

STRONG = "5f0c9e6a7b1d4c3e8f2a"
SAFE = {"PLATFORM_ENVIRONMENT": "production", "JWT_SECRET_KEY": STRONG, "ENCRYPTION_SALT": STRONG}


def test_nothing_set_means_the_defaults_below_the_working_directory(tmp_path: Path) -> None:
    settings = Settings.load({}, tmp_path)
    assert settings.data == tmp_path / ".headgate"
    assert settings.config == tmp_path / ".headgate" / "headgate.toml"
    assert settings.openai_api_key is None
    assert settings.openai_base_url == "https://api.openai.com/v1"
    assert settings.unknown == ()


def test_the_real_environment_wins_over_the_file_and_overrides_win_over_both(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\nHEADGATE_ROLE=tools\nAWS_REGION=eu-west-1\n")
    env = {"LOG_LEVEL": "error", "HEADGATE_ROLE": "agents"}
    settings = Settings.load(env, tmp_path, {"HEADGATE_ROLE": "gateway"})
    assert (settings.aws_region, settings.log_level, settings.role) == (
        "eu-west-1",
        "error",
        "gateway",
    )


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-file\n")
    settings = Settings.load({"OPENAI_API_KEY": "", "LOG_LEVEL": " "}, tmp_path)
    assert settings.openai_api_key is None
    assert settings.log_level == "info"


def test_paths_are_relative_to_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[cache]\nttl_seconds = 5\n")
    env = {"HEADGATE_DATA": "there", "HEADGATE_CONFIG": "own.toml"}
    settings = Settings.load(env, tmp_path)
    assert settings.data == tmp_path / "there"
    assert settings.configuration.cache.ttl_seconds == 5


def test_the_configuration_file_in_the_data_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        '[vendors.groq]\nbase_url = "https://api.example.com/v1/"\napi_key_env = "GROQ_API_KEY"\n'
    )
    env = {"HEADGATE_DATA": str(tmp_path), "GROQ_API_KEY": "gsk"}
    (vendor,) = Settings.load(env, tmp_path).vendors
    assert vendor == ("groq", "https://api.example.com/v1", Secret("gsk"), ())
    (keyless,) = Settings.load({"HEADGATE_DATA": str(tmp_path)}, tmp_path).vendors
    assert keyless.api_key is None


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"LOG_LEVEL": "inf"}, "LOG_LEVEL: expected one of .*did you mean info"),
        ({"PLATFORM_ENVIRONMENT": "prodution"}, "PLATFORM_ENVIRONMENT: .*mean production"),
        ({"OPENAI_BASE_URL": "api.example.com"}, "OPENAI_BASE_URL: expected an address"),
        ({"HEADGATE_CONFIG": "gone.toml"}, r"gone\.toml cannot be read"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(
    tmp_path: Path, env: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.load(env, tmp_path)


def test_a_mistake_in_the_env_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nnonsense\n")
    with pytest.raises(SettingsError, match=r"\.env, line 2"):
        Settings.load({}, tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY is not set"),
        ({"JWT_SECRET_KEY": "change-me-please-0123456789"}, "JWT_SECRET_KEY is a sample value"),
        ({"ENCRYPTION_SALT": "short"}, "ENCRYPTION_SALT is shorter than 16"),
        ({"HEADGATE_ADMIN_KEY": "change-me-please-0123456789"}, "HEADGATE_ADMIN_KEY is a sample"),
        ({"HEADGATE_ADMIN_KEY": "sk-proj-example-changeme"}, "HEADGATE_ADMIN_KEY is a sample"),
        ({"HEADGATE_ADMIN_KEY": "sk-proj-Admin-CHANGE_ME-123"}, "HEADGATE_ADMIN_KEY is a sample"),
    ],
)
def test_production_refuses_to_start_without_real_secrets(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        Settings.load({**SAFE, **changed}, tmp_path)
    assert "0123456789" not in str(caught.value)


def test_production_starts_with_real_secrets_and_development_without(tmp_path: Path) -> None:
    assert Settings.load(SAFE, tmp_path).environment == "production"
    assert Settings.load({"JWT_SECRET_KEY": "secret"}, tmp_path).environment == "development"


def test_no_secret_stands_in_what_is_printed(tmp_path: Path) -> None:
    names = [variable.name for variable, kind in VARIABLES.values() if kind == Secret | None]
    assert len(names) > 8
    settings = Settings.load(dict.fromkeys(names, "hunter2hunter2hunter2"), tmp_path)
    assert "hunter2" not in repr(settings)


def test_a_misspelt_variable_is_noticed(tmp_path: Path) -> None:
    assert Settings.load({"HEADGATE_DTA": "x"}, tmp_path).unknown == ("HEADGATE_DTA",)
