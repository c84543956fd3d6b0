"""The platform, put together from its real parts over a data directory."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

import ministack
from asgi import Client
from headgate.bootstrap import platform as bootstrap
from headgate.bootstrap.dynamodb_stores import engine_name
from headgate.bootstrap.lifespan import running
from headgate.bootstrap.store_ports import DATABASE
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.errors import Overloaded
from headgate.settings import Settings
from servers import serve


def settings(data: Path, **env: str) -> Settings:
    """Settings for `data` that look at no vendor of this machine."""
    texts = {"HEADGATE_DATA": str(data), "OLLAMA_BASE_URL": "http://127.0.0.1:9", **env}
    return Settings.load(texts, data)


async def call(platform: bootstrap.Platform, method: str, path: str, body: bytes = b"") -> Client:
    headers = {"authorization": f"Bearer {platform.local_api_key}"}
    client = Client(method, path, body, headers)
    client.scope["query_string"] = b""
    await platform.app(client.scope, client.receive, client.send)
    return client


def test_the_first_preparation_makes_an_admin_key_and_later_ones_do_not(tmp_path: Path) -> None:
    assert bootstrap.prepare(settings(tmp_path)) is not None
    assert bootstrap.prepare(settings(tmp_path)) is None


def test_a_given_admin_key_is_not_told_again(tmp_path: Path) -> None:
    given = settings(tmp_path, HEADGATE_ADMIN_KEY="sk-proj-own-0123456789abcdef")
    assert bootstrap.prepare(given) is None


def test_the_database_is_its_owners_alone_in_a_directory_that_others_may_read(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    bootstrap.prepare(settings(tmp_path))
    assert stat.S_IMODE((tmp_path / DATABASE).stat().st_mode) == 0o600


async def test_a_platform_answers_and_remembers_over_a_restart(tmp_path: Path) -> None:
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"Hello"}]}'
    async with bootstrap.open_platform(settings(tmp_path)) as platform:
        assert (await call(platform, "POST", "/v1/complete", body)).status == 200
    async with bootstrap.open_platform(settings(tmp_path)) as platform:
        usage = await call(platform, "GET", "/v1/usage")
    assert usage.json["totals"]["requests"] == 1


async def test_the_local_key_is_good_in_its_own_process_only(tmp_path: Path) -> None:
    async with (
        bootstrap.open_platform(settings(tmp_path)) as one,
        bootstrap.open_platform(settings(tmp_path)) as other,
    ):
        stranger = bootstrap.Platform(other.app, one.local_api_key)
        assert (await call(one, "GET", "/v1/models")).status == 200
        assert (await call(stranger, "GET", "/v1/models")).status == 401


async def test_without_any_vendor_auto_is_the_local_model(tmp_path: Path) -> None:
    body = b'{"input":"the invoice is overdue","labels":["billing","sports"]}'
    async with bootstrap.open_platform(settings(tmp_path)) as platform:
        answer = await call(platform, "POST", "/v1/classify", body)
    assert (answer.json["provider"], answer.json["label"]) == ("local", "billing")


async def test_vendors_are_those_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        '[aliases]\nfast = "own-model"\n[vendors.own]\n'
        'base_url = "http://127.0.0.1:9/v1"\nmodels = ["own-model"]\n'
    )
    named = settings(tmp_path, OPENAI_API_KEY="sk-test")
    async with bootstrap.open_platform(named) as platform:
        models = await call(platform, "GET", "/v1/models")
    listed = {model["id"]: model["owned_by"] for model in models.json["data"]}
    assert listed["own-model"] == "own"
    assert listed["fast"] == listed["auto"] == "headgate"
    assert listed["gpt-4o-mini"] == "openai"
    assert (listed["sandbox"], listed["local"]) == ("sandbox", "local")


async def test_a_command_tells_before_it_ends_which_budget_it_has_used_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"[[tokens 500]]"}]}'
    limit = b'{"scope":"model","id":"sandbox","monthlyBudget":0.001,"hard":false}'
    for _ in range(2):
        async with bootstrap.open_platform(settings(tmp_path)) as platform:
            assert (await call(platform, "PUT", "/v1/usage/budget", limit)).status == 200
            assert (await call(platform, "POST", "/v1/complete", body)).status == 200
    assert caplog.text.count("The budget of model sandbox has reached 100 %") == 1


async def test_switched_off_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"[[tokens 500]]"}]}'
    limit = b'{"scope":"model","id":"sandbox","monthlyBudget":0.001,"hard":false}'
    off = settings(tmp_path, BUDGET_ALERTS_ENABLED="false")
    async with bootstrap.open_platform(off) as platform:
        assert (await call(platform, "PUT", "/v1/usage/budget", limit)).status == 200
        assert (await call(platform, "POST", "/v1/complete", body)).status == 200
    assert "has reached" not in caplog.text


async def test_a_server_warns_of_mail_that_cannot_be_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = settings(tmp_path, ALERT_EMAIL="ada@example.com")
    async with bootstrap.open_platform(wrong):
        assert "SMTP_HOST" not in caplog.text, "a command does not go on about it"
    async with running(bootstrap._app(wrong, {}, Telemetry())):
        assert "no alerts by e-mail: ALERT_EMAIL is set, and no way to" in caplog.text


def test_sample_keys_do_not_stand_in_for_an_admin(tmp_path: Path) -> None:
    bootstrap.seed(settings(tmp_path))
    assert bootstrap.prepare(settings(tmp_path)) is not None


def test_sample_data_is_loaded_once(tmp_path: Path) -> None:
    first = bootstrap.seed(settings(tmp_path))
    assert bootstrap.seed(settings(tmp_path)) == first
    assert first["keys"] == 6


async def test_dynamodb_refuses_to_start_without_a_place_or_credentials(tmp_path: Path) -> None:
    place = {
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
    }
    credentials = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
    for given, missing in ((place, "AWS_ACCESS_KEY_ID"), (credentials, "AWS_REGION")):
        with pytest.raises(Overloaded, match=missing):
            async with bootstrap.open_platform(
                settings(tmp_path, HEADGATE_STORE="dynamodb", **given)
            ):
                pass


def over_dynamodb(data: Path) -> Settings:
    """Settings for an AWS account of its own."""
    return settings(
        data,
        HEADGATE_STORE="dynamodb",
        DYNAMODB_ENDPOINT=ministack.endpoint(),
        AWS_ACCESS_KEY_ID=ministack.new_account(),
        AWS_SECRET_ACCESS_KEY=ministack.SECRET,
    )


async def test_a_local_stand_in_needs_no_credentials(tmp_path: Path) -> None:
    local = settings(tmp_path, HEADGATE_STORE="dynamodb", DYNAMODB_ENDPOINT=ministack.endpoint())
    await asyncio.to_thread(bootstrap.prepare, local)
    assert (await bootstrap.checks(local)[0].run()).status == "ok"


async def test_platforms_over_dynamodb_share_what_they_know(tmp_path: Path) -> None:
    shared = over_dynamodb(tmp_path)
    await asyncio.to_thread(bootstrap.prepare, shared)
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"Hello"}]}'
    new_key = b'{"name":"shared","scopes":["ai:complete"],"monthlyBudget":1}'
    async with (
        bootstrap.open_platform(shared) as one,
        bootstrap.open_platform(shared) as other,
    ):
        made = await call(one, "POST", "/v1/auth/keys", new_key)
        caller = bootstrap.Platform(other.app, made.json["apiKey"])
        answer = await call(caller, "POST", "/v1/complete", body)
        usage = await call(one, "GET", "/v1/usage")
        health = await call(one, "GET", "/health")
    assert answer.status == 200
    assert usage.json["totals"]["requests"] == 1
    assert health.status == 200
    assert not (tmp_path / DATABASE).exists()


def test_an_engine_is_its_data_directorys_or_that_of_all(tmp_path: Path) -> None:
    """So no machine is given a run whose checkpoints another one has."""
    here, there = settings(tmp_path / "here"), settings(tmp_path / "there")
    assert engine_name(here) == engine_name(here) != engine_name(there)
    url = {"HEADGATE_DATABASE_URL": "postgresql://db/headgate"}
    shared = [engine_name(settings(tmp_path / name, **url)) for name in ("here", "there")]
    assert shared[0] == shared[1] != engine_name(here)
    assert engine_name(settings(tmp_path / "gateway", HEADGATE_ROLE="gateway")) == "gateway"
    assert not (tmp_path / "gateway").exists()


async def test_the_doctor_finds_missing_tables(tmp_path: Path) -> None:
    shared = over_dynamodb(tmp_path)
    store = bootstrap.checks(shared)[0]
    finding = await store.run()
    assert (finding.status, "headgate migrate" in str(finding.remedy)) == ("fail", True)
    await asyncio.to_thread(bootstrap.prepare, shared)
    assert (await store.run()).status == "ok"


async def test_without_the_redis_that_was_named_nothing_is_admitted_and_health_says_why(
    tmp_path: Path,
) -> None:
    nowhere = settings(tmp_path, HEADGATE_REDIS_URL="redis://127.0.0.1:9")
    body = b'{"model":"sandbox","messages":[{"role":"user","content":"Hello"}]}'
    async with bootstrap.open_platform(nowhere) as platform:
        refused = await call(platform, "POST", "/v1/complete", body)
        health = await call(platform, "GET", "/health")
    assert (refused.status, refused.json["error"]["code"]) == (503, "overloaded")
    assert health.status == 200
    assert "not been reached" in health.json["checks"]["limits"]


async def test_the_doctor_finds_a_store_that_is_well_and_vendors_that_are_missing(
    tmp_path: Path,
) -> None:
    await asyncio.to_thread(bootstrap.prepare, settings(tmp_path))
    findings = {check.name: await check.run() for check in bootstrap.checks(settings(tmp_path))}
    assert findings["store"].status == "ok"
    assert findings["providers"].status == "warn"


def test_the_document_is_openapi() -> None:
    assert msgspec.json.decode(bootstrap.openapi_document())["openapi"].startswith("3.1")


async def ollama(scope: Any, receive: Any, send: Any) -> None:
    """An Ollama server as the platform sees one: models to list, answers, no credential."""
    if scope["type"] != "http":
        return
    await receive()
    answers = {
        "/v1/models": {"object": "list", "data": [{"id": "llama3.2:latest", "object": "model"}]},
        "/v1/chat/completions": {
            "id": "chatcmpl-1",
            "model": "llama3.2:latest",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "from Ollama"},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        },
    }
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = msgspec.json.encode(answers[scope["path"]])
    await send({"type": "http.response.body", "body": body})


async def test_an_ollama_server_is_found_by_itself_and_costs_nothing(tmp_path: Path) -> None:
    body = b'{"messages":[{"role":"user","content":"Hello"}]}'
    async with (
        serve(ollama) as url,
        bootstrap.open_platform(settings(tmp_path, OLLAMA_BASE_URL=url)) as platform,
    ):
        named = body.replace(b"{", b'{"model":"llama3.2:latest",', 1)
        asked = await call(platform, "POST", "/v1/complete", named)
        by_itself = await call(platform, "POST", "/v1/complete", body)
    for answer in (asked, by_itself):
        assert (answer.json["content"], answer.json["provider"]) == ("from Ollama", "ollama")
        assert answer.json["usage"]["billed"] == 0


async def test_the_doctor_finds_a_store_that_this_release_has_not(tmp_path: Path) -> None:
    wrong = settings(tmp_path, HEADGATE_STORE="dynamodb")
    findings = {check.name: await check.run() for check in bootstrap.checks(wrong)}
    assert (findings["store"].status, "HEADGATE_STORE" in findings["store"].message) == (
        "fail",
        True,
    )


async def test_the_doctor_finds_a_vendor_that_cannot_be_reached(tmp_path: Path) -> None:
    wrong = settings(tmp_path, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    findings = {check.name: await check.run() for check in bootstrap.checks(wrong)}
    assert findings["providers"].status == "fail"
    assert "openai: the vendor could not be reached" in findings["providers"].message
