import json
from pathlib import Path

import pytest

import upstream
from upstream import Body

ANSWERS: dict[Body, bytes] = {"json": upstream.completion(), "sse": upstream.stream()}


@pytest.mark.parametrize("body", upstream.BODIES)
def test_the_upstreams_own_answer_is_whole(body: Body) -> None:
    assert upstream.is_whole(body, ANSWERS[body])


def test_a_stream_has_a_hundred_chunks_then_the_reason_the_usage_and_the_end() -> None:
    frames = upstream.stream().decode().split("\n\n")
    assert len(frames) == 100 + 3 + 1
    assert frames[-1] == ""
    assert frames[-2] == "data: [DONE]"
    assert json.loads(frames[-3][6:])["usage"] == upstream.USAGE
    assert json.loads(frames[-4][6:])["choices"][0]["finish_reason"] == "stop"


def test_an_answer_without_usage_is_not_whole() -> None:
    document = json.loads(upstream.completion())
    del document["usage"]
    assert not upstream.is_whole("json", json.dumps(document).encode())


def test_a_stream_that_lost_a_chunk_its_usage_or_its_end_is_not_whole() -> None:
    frames = upstream.stream().decode().split("\n\n")
    for lost in (50, -3, -2):
        kept = frames.copy()
        del kept[lost]
        assert not upstream.is_whole("sse", "\n\n".join(kept).encode())


def test_chunks_that_were_joined_are_not_a_whole_stream() -> None:
    text = {"index": 0, "delta": {"content": "water " * 100}}
    joined = {"choices": [text], "usage": upstream.USAGE}
    assert not upstream.is_whole("sse", f"data: {json.dumps(joined)}\n\n{upstream.DONE}".encode())


def test_each_body_has_its_own_port_in_front_of_the_same_worker(tmp_path: Path) -> None:
    configured = upstream.configure(tmp_path, {"json": 1001, "sse": 1002})
    text = configured.configuration.read_text()
    assert text.count("worker_processes 1;") == 1
    assert text.count("{") == text.count("}")
    assert configured.base_url("json") == "http://127.0.0.1:1001/v1"
    assert configured.base_url("sse") == "http://127.0.0.1:1002/v1"
    assert (tmp_path / "sse").read_bytes() == upstream.stream()
