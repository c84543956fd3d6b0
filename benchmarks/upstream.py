"""The vendor that every contender calls: one nginx worker with two fixed answers.

It listens on two ports, one that always answers a JSON chat completion and one that always answers
a stream, because nginx cannot look into a request's body to tell which is wanted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Body: TypeAlias = Literal["json", "sse"]

BODIES: tuple[Body, ...] = ("json", "sse")
CONTENT_TYPES: Mapping[Body, str] = {"json": "application/json", "sse": "text/event-stream"}
MODEL = "gpt-4o-mini"
CHUNKS = 100
CHAT_PATH = "/chat/completions"
"""Under a base URL, which ends in `/v1`."""
QUESTION = "In about a hundred words: how does a head gate let water into a mill race?"
USAGE = {"prompt_tokens": 21, "completion_tokens": CHUNKS, "total_tokens": 21 + CHUNKS}
DONE = "data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Upstream:
    """An nginx that is configured but not started: its file and the port of each body."""

    configuration: Path
    ports: Mapping[Body, int]

    def base_url(self, body: Body) -> str:
        """What a client of OpenAI's protocol takes as its base URL."""
        return f"http://127.0.0.1:{self.ports[body]}/v1"

    def command(self) -> list[str]:
        """The command line that serves until it is told to stop."""
        directory = self.configuration.parent
        return ["nginx", "-e", "stderr", "-p", str(directory), "-c", str(self.configuration)]


def completion() -> bytes:
    """A whole JSON answer, with usage."""
    answer = {
        "id": "chatcmpl-upstream",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "water " * CHUNKS},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
    return json.dumps(answer).encode()


def stream() -> bytes:
    """A streamed answer: 100 chunks of text, the finish reason, the usage and the end mark."""
    texts = [_chunk({"content": "water "}, None) for _ in range(CHUNKS - 1)]
    first = _chunk({"role": "assistant", "content": "water "}, None)
    last = _chunk({}, "stop")
    usage = {**_frame(), "choices": [], "usage": USAGE}
    frames = [f"data: {json.dumps(frame)}\n\n" for frame in (first, *texts, last, usage)]
    return "".join([*frames, DONE]).encode()


def is_whole(body: Body, answer: bytes) -> bool:
    """Whether `answer`, as a contender gave it, still holds all that the upstream said."""
    if body == "json":
        document = json.loads(answer)
        text = document["choices"][0]["message"]["content"]
        return text.split() == ["water"] * CHUNKS and _counts(document.get("usage"))
    frames = [line[6:] for line in answer.decode().splitlines() if line.startswith("data: ")]
    if not frames or frames[-1] != "[DONE]":
        return False
    documents = [json.loads(frame) for frame in frames[:-1]]
    deltas = [choice["delta"] for document in documents for choice in document["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    spoken = sum(1 for delta in deltas if delta.get("content"))
    counted = any(_counts(document.get("usage")) for document in documents)
    return spoken == CHUNKS and text.split() == ["water"] * CHUNKS and counted


def configure(directory: Path, ports: Mapping[Body, int]) -> Upstream:
    """Write the answers and nginx's configuration into `directory`."""
    # nginx's worker gives up root's rights, and must still be able to read the answers.
    directory.chmod(0o755)
    (directory / "json").write_bytes(completion())
    (directory / "sse").write_bytes(stream())
    configuration = directory / "nginx.conf"
    configuration.write_text(_configuration(directory, ports))
    return Upstream(configuration, dict(ports))


def _configuration(directory: Path, ports: Mapping[Body, int]) -> str:
    servers = "\n".join(_server(body, ports[body]) for body in BODIES)
    temporary = "\n".join(
        f"  {module}_temp_path {directory}/{module};"
        for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  # A connection stays open for the whole run, as a vendor's would.
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  # The answers are small: read from an open file they leave with their head in one write.
  sendfile off;
  output_buffers 1 64k;
  open_file_cache max=16 inactive=1h;
  open_file_cache_valid 1h;
  root {directory};
{temporary}
{servers}
}}
"""


def _server(body: Body, port: int) -> str:
    # nginx refuses POST to a file with 405; here the file is what it says instead.
    return f"""  server {{
    listen 127.0.0.1:{port};
    location = /v1{CHAT_PATH} {{ error_page 405 =200 /{body}; return 405; }}
    location = /{body} {{ internal; types {{ }} default_type {CONTENT_TYPES[body]}; }}
    location = /health {{ return 200; }}
  }}"""


def _frame() -> dict[str, object]:
    return {
        "id": "chatcmpl-upstream",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
    }


def _chunk(delta: dict[str, str], finish_reason: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_frame(), "choices": [choice], "usage": None}


def _counts(usage: object) -> bool:
    return isinstance(usage, dict) and all(usage.get(name) == n for name, n in USAGE.items())
