"""The drop-in routes for OpenAI's clients; the official clients themselves are in the scenarios."""

import base64
import struct

import msgspec

from platform_in_memory import chat, make_key, platform

CHAT = "/v1/chat/completions"


def frames(data: bytes) -> list[bytes]:
    return [frame.removeprefix(b"data: ") for frame in data.split(b"\n\n") if frame]


async def test_a_chat_completion_has_openais_shape() -> None:
    async with platform() as running:
        answer = await running.call("POST", CHAT, chat("Hello there"))
    body = answer.json
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {
        "role": "assistant",
        "content": "You said: Hello there",
        "refusal": None,
    }
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (2, 4)


async def test_a_stream_ends_with_done_and_tells_usage_only_when_asked() -> None:
    async with platform() as running:
        plain = await running.call("POST", CHAT, chat("Hello", stream=True))
        asked = chat("Hello", stream=True, stream_options={"include_usage": True})
        told = await running.call("POST", CHAT, asked)
    assert frames(plain.data)[-1] == frames(told.data)[-1] == b"[DONE]"
    assert b"usage" not in plain.data
    chunks = [msgspec.json.decode(frame) for frame in frames(told.data)[:-1]]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 3)
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert len({(c["id"], c["created"], c["model"]) for c in chunks}) == 1
    assert [c["choices"][0]["delta"].get("role") for c in chunks[:2]] == ["assistant", None]


async def test_embeddings_come_as_numbers_or_as_the_same_numbers_in_base64() -> None:
    wanted = {"model": "sandbox", "input": "a b", "dimensions": 8}
    async with platform() as running:
        plain = await running.call("POST", "/v1/embeddings", wanted)
        packed = await running.call(
            "POST", "/v1/embeddings", wanted | {"encoding_format": "base64"}
        )
    numbers = plain.json["data"][0]["embedding"]
    unpacked = struct.unpack("<8f", base64.b64decode(packed.json["data"][0]["embedding"]))
    assert [struct.unpack("<f", struct.pack("<f", n))[0] for n in numbers] == list(unpacked)


async def test_labels_come_in_headers() -> None:
    async with platform() as running:
        headers = {"x-headgate-tags": "a, b", "x-headgate-use-case": "greeting"}
        await running.call("POST", CHAT, chat("Hello"), headers=headers)
        events = await running.call("GET", "/v1/usage/events")
    event = events.json["data"][0]
    assert (event["tags"], event["useCase"]) == (["a", "b"], "greeting")


async def test_models_are_those_that_the_key_may_use() -> None:
    async with platform() as running:
        all_of_them = await running.call("GET", "/v1/models")
        key = await make_key(running, models=["nothing"])
        none_of_them = await running.call("GET", "/v1/models", key=key)
        hidden = await running.call("GET", "/v1/models/sandbox", key=key)
    assert {model["id"] for model in all_of_them.json["data"]} == {"auto", "sandbox"}
    assert none_of_them.json["data"] == []
    assert (hidden.status, hidden.json["error"]["code"]) == (404, "model_not_found")


async def test_a_model_can_be_asked_for_with_its_vendor() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/models/sandbox/sandbox")
    assert (answer.json["id"], answer.json["owned_by"]) == ("sandbox/sandbox", "sandbox")


async def test_options_that_change_the_price_in_unknown_ways_are_refused() -> None:
    async with platform() as running:
        for option in ({"service_tier": "priority"}, {"modalities": ["text", "audio"]}):
            answer = await running.call("POST", CHAT, chat("Hello") | option)
            assert answer.status == 400
            assert next(iter(option)) in answer.json["error"]["param"]


async def test_auto_embeds_with_the_platforms_embedding_model() -> None:
    async with platform() as running:
        wanted = {"model": "auto", "input": "a b"}
        answer = await running.call("POST", "/v1/embeddings", wanted)
    assert (answer.status, answer.json["model"]) == (200, "sandbox")
