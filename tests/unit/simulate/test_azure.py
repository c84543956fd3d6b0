from typing import Any

import pytest

from asgi import Client
from headgate.simulate import Fault, SimulatorOptions, create_app

DEPLOYMENT = "/azure/openai/deployments/ours/"
CURRENT = "/azure/openai/v1/"


async def take(client: Client, options: SimulatorOptions | None = None) -> Client:
    app = create_app(options or SimulatorOptions(vendor="azure"))
    await app(client.scope, client.receive, client.send)
    return client


def chat(path: str, text: str, **options: Any) -> Client:
    body = {"messages": [{"role": "user", "content": text}], **options}
    return Client("POST", f"{path}chat/completions", body)


async def test_an_address_names_its_deployment() -> None:
    for named in ({}, {"model": "another"}):
        answer = (await take(chat(DEPLOYMENT, "hi", **named))).json
        assert (answer["model"], answer["choices"][0]["message"]["content"]) == (
            "ours",
            "You said: hi",
        )


async def test_the_current_edition_wants_the_model_in_the_body() -> None:
    assert (await take(chat(CURRENT, "hi"))).status == 400
    assert (await take(chat(CURRENT, "hi", model="m"))).json["model"] == "m"


async def test_answers_bring_the_filters_results_along() -> None:
    whole = (await take(chat(DEPLOYMENT, "hi"))).json
    assert whole["choices"][0]["content_filter_results"]["hate"] == {
        "filtered": False,
        "severity": "safe",
    }
    assert whole["prompt_filter_results"][0]["prompt_index"] == 0
    streamed = (await take(chat(DEPLOYMENT, "hi", stream=True))).data
    assert streamed.startswith(b'data: {"choices":[],')
    assert streamed.split(b"\n\n")[0].count(b"content_filter_results") == 1


@pytest.mark.parametrize(
    ("status", "code"), [(401, "401"), (404, "DeploymentNotFound"), (429, "429"), (503, "503")]
)
async def test_a_failure_has_azures_shape(status: int, code: str) -> None:
    for stream in (False, True):
        client = await take(chat(DEPLOYMENT, f"[[fail {status}]]", stream=stream))
        assert (client.status, client.json["error"]["code"]) == (status, code)
        assert set(client.json["error"]) == {"code", "message"}
        assert client.headers.get("retry-after") == ("1" if status == 429 else None)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, {"messages": []}])
async def test_a_request_that_cannot_be_read_is_refused(body: Any) -> None:
    client = await take(Client("POST", f"{DEPLOYMENT}chat/completions", body))
    assert (client.status, client.json["error"]["type"]) == (400, "invalid_request_error")


async def test_vectors_and_models_are_openais() -> None:
    vectors = await take(Client("POST", f"{DEPLOYMENT}embeddings", {"input": "hi"}))
    assert vectors.json["data"][0]["object"] == "embedding"
    for path in (CURRENT, "/azure/openai/"):
        assert (await take(Client("GET", f"{path}models"))).json["object"] == "list"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"{CURRENT}embeddings", 405), ("POST", f"{DEPLOYMENT}x", 404), ("GET", "/azure", 404)],
)
async def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert (await take(Client(method, path))).status == status


async def test_faults_by_chance_strike_here_too() -> None:
    options = SimulatorOptions(vendor="azure", faults=(Fault(429, 1.0),))
    assert (await take(chat(DEPLOYMENT, "hi"), options)).status == 429
