"""Prompt templates over HTTP."""

from pathlib import Path

import msgspec
import pytest

from headgate.core.models import Profile
from headgate.http.prompts import MOST_DRAFT_BYTES, MOST_DRAFT_CHARACTERS, SMALL_BYTES
from headgate.prompts.library import BUILT_IN
from platform_in_memory import make_key, platform
from prompt_templates import directory_of, greeting

SUMMARIZE = "/v1/prompts/summarize"


async def test_templates_are_listed_with_what_they_take() -> None:
    async with platform() as running:
        answer = await running.call("GET", "/v1/prompts")
    assert answer.json["nextCursor"] is None
    found = {item["name"]: item for item in answer.json["data"]}
    assert list(found) == sorted(found)
    item = found["summarize"]
    assert (item["version"], item["versions"], item["origin"]) == (1, [1], "platform")
    assert item["useCase"] == "summarization"
    assert item["inputs"][1] == {
        "name": "max_words",
        "type": "integer",
        "description": "The most words that the summary may have.",
        "required": False,
        "default": 120,
        "fields": None,
    }


async def test_a_template_is_read_block_by_block() -> None:
    source = (BUILT_IN / "summarize.md").read_text()
    async with platform() as running:
        answer = await running.call("GET", SUMMARIZE)
    body = answer.json
    assert body["template"] == source
    assert source.startswith(body["frontMatter"])
    assert [(block["message"], block["name"]) for block in body["blocks"]] == [
        ("system", "role"),
        ("system", "task"),
        ("system", "focus"),
        ("system", "constraints"),
        ("system", "output_format"),
        ("user", "text"),
    ]
    role = body["blocks"][0]
    assert source.splitlines()[role["line"] - 1] == role["text"]
    assert body["policy"] == {"model": None, "temperature": 0.0, "maxTokens": None}
    assert body["outputSchema"] is None
    assert body["example"]["max_words"] == 40


async def test_a_template_is_written_as_the_model_likes_it() -> None:
    inputs = {"text": "A # long text.", "max_words": 9}
    async with platform() as running:
        plain = await running.call("POST", f"{SUMMARIZE}/render", {"inputs": inputs})
        style = {"style": "xml", "inputs": inputs}
        tagged = await running.call("POST", f"{SUMMARIZE}/render", style)
        running.services.gateway.catalog.profile = lambda _vendor, _model: Profile(style="xml")
        chosen = {"model": "sandbox", "inputs": inputs}
        by_model = await running.call("POST", f"{SUMMARIZE}/render", chosen)
    assert plain.json["style"] == "headings"
    assert plain.json["messages"][1] == {"role": "user", "content": "A # long text."}
    assert "in at most 9 words" in plain.json["messages"][0]["content"]
    assert tagged.json["messages"][1]["content"] == "<text>\nA # long text.\n</text>"
    assert by_model.json == tagged.json


async def test_a_long_text_is_written_too() -> None:
    text = "word " * SMALL_BYTES
    async with platform() as running:
        answer = await running.call("POST", f"{SUMMARIZE}/render", {"inputs": {"text": text}})
    assert answer.json["messages"][1]["content"] == text


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (f"{SUMMARIZE}/render", {}, 400, "inputs.text"),
        (f"{SUMMARIZE}/render", {"inputs": {"text": 1}}, 400, "inputs.text"),
        (f"{SUMMARIZE}/render", {"inputs": {"text": "a", "x": 1}}, 400, "inputs"),
        (f"{SUMMARIZE}/render", {"inputs": {"text": "a"}, "version": 9}, 404, "version"),
        (f"{SUMMARIZE}/render", {"inputs": {"text": "a"}, "style": "yaml"}, 400, "style"),
        ("/v1/prompts/nothing/render", {"inputs": {}}, 404, "name"),
    ],
)
async def test_a_mistake_is_told_by_name(
    path: str, body: dict[str, object], status: int, param: str
) -> None:
    async with platform() as running:
        answer = await running.call("POST", path, body)
    assert (answer.status, answer.json["error"]["param"]) == (status, param)


async def test_a_draft_is_tried_and_nothing_keeps_it() -> None:
    draft = {"template": greeting(7), "inputs": {"who": "Ada"}, "style": "headings"}
    async with platform() as running:
        answer = await running.call("POST", "/v1/prompts/greet/render", draft)
        assert (answer.json["name"], answer.json["version"]) == ("greet", 7)
        assert "# Person\n\nAda" in answer.json["messages"][1]["content"]
        assert (await running.call("GET", "/v1/prompts/greet")).status == 404


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (greeting().replace("{{ who }}", "{{ whom }}"), "draft:36: block `person`: there is no"),
        (greeting().replace('"greet"', '"other"'), "draft:1: the path says 'greet'"),
        ("+++\n" + "x" * MOST_DRAFT_CHARACTERS, "Expected `str` of length <= 32000"),
    ],
)
async def test_what_is_wrong_with_a_draft_is_told_with_its_place(template: str, said: str) -> None:
    body = {"template": template, "inputs": {"who": "Ada"}}
    async with platform() as running:
        answer = await running.call("POST", "/v1/prompts/greet/render", body)
    assert answer.status == 400
    assert said in answer.json["error"]["message"]
    assert answer.json["error"]["param"] == "template"


async def test_a_draft_with_more_than_it_needs_is_refused() -> None:
    body = {"template": greeting(), "inputs": {"who": "a" * MOST_DRAFT_BYTES}}
    async with platform() as running:
        answer = await running.call("POST", "/v1/prompts/greet/render", body)
    assert answer.status == 400
    assert "256 KiB" in answer.json["error"]["message"]


async def test_versions_are_compared(tmp_path: Path) -> None:
    own = directory_of(
        tmp_path,
        greet=greeting(3, " warmly"),
        greet_at_2=greeting(2),
        greet_at_1=greeting(1),
    )
    async with platform(prompts=own) as running:
        latest = (await running.call("GET", "/v1/prompts/greet/diff")).json
        named = await running.call("GET", "/v1/prompts/greet/diff", query="from=1&to=2")
        nothing = await running.call("GET", "/v1/prompts/greet/diff", query="to=1")
        shown = await running.call("GET", "/v1/prompts/greet", query="version=2")
    assert (latest["from"], latest["to"]) == (2, 3)
    role = {"part": "role", "before": "You greet people.", "after": "You greet people warmly."}
    assert role in latest["changes"]
    assert "-You greet people.\n+You greet people warmly." in latest["unified"]
    assert [change["part"] for change in named.json["changes"]] == ["front matter"]
    assert (nothing.status, nothing.json["error"]["param"]) == (404, "from")
    assert (shown.json["version"], shown.json["versions"]) == (2, [3, 2, 1])
    assert shown.json["origin"] == "own"


async def test_templates_need_the_scope_for_completions() -> None:
    async with platform() as running:
        key = await make_key(running, scopes=["usage:read"])
        answers = [
            await running.call("GET", "/v1/prompts", key=key),
            await running.call("GET", SUMMARIZE, key=key),
            await running.call("GET", f"{SUMMARIZE}/diff", key=key),
            await running.call("POST", f"{SUMMARIZE}/render", {}, key=key),
        ]
    assert {answer.status for answer in answers} == {403}


ASK = {"prompt": {"name": "summarize", "inputs": {"text": "[[say Short.]]"}}, "model": "sandbox"}


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream"])
async def test_a_model_is_asked_from_a_template_and_the_ledger_says_so(path: str) -> None:
    async with platform() as running:
        answer = await running.call("POST", path, ASK)
        assert answer.status == 200
        assert b"Short." in answer.data
        (event,) = (await running.call("GET", "/v1/usage/events")).json["data"]
    assert (event["prompt"], event["promptVersion"]) == ("summarize", 1)
    assert event["useCase"] == "summarization"


async def test_what_the_body_says_goes_before_what_the_template_says() -> None:
    more = {"messages": [{"role": "user", "content": "[[say Longer.]]"}], "useCase": "mine"}
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", {**ASK, **more, "maxTokens": 1})
        assert answer.json["content"] == "Longer."
        (event,) = (await running.call("GET", "/v1/usage/events")).json["data"]
    assert (event["prompt"], event["useCase"]) == ("summarize", "mine")


async def test_a_templates_schema_shapes_the_answer() -> None:
    routes = [{"name": "sales", "description": "Sells."}]
    inputs = {"request": "[[json]]", "routes": routes}
    async with platform() as running:
        body = {"prompt": {"name": "route", "inputs": inputs}, "model": "sandbox"}
        answer = await running.call("POST", "/v1/complete", body)
    assert set(msgspec.json.decode(answer.json["content"])) == {"reason", "route", "confidence"}


async def test_a_body_without_anything_to_say_is_refused() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", {"model": "sandbox"})
    assert (answer.status, answer.json["error"]["param"]) == (400, "messages")


async def test_a_classification_is_asked_from_its_template() -> None:
    body = {"model": "sandbox", "input": "[[json]]", "labels": ["a", "b"]}
    async with platform() as running:
        await running.call("POST", "/v1/classify", body)
        (event,) = (await running.call("GET", "/v1/usage/events")).json["data"]
    assert (event["prompt"], event["promptVersion"]) == ("classify", 1)
