"""What vendors are asked when a tool is called: the template of its use case, filled in."""

from pathlib import Path
from typing import Any

import pytest

from headgate.core.models import PromptStyle
from headgate.prompts.library import open_library
from headgate_server import Headgate, Simulator, running

TEXT = "The sea rose. The town built a wall."
LABELS = ["sport", "tax"]
STYLES: list[tuple[str, PromptStyle]] = [("gpt-4o-mini", "headings"), ("claude-haiku-4-5", "xml")]
# Each tool with its arguments, and its template with the inputs that they become.
TOOLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("summarize", {"text": TEXT, "maxWords": 15}, {"text": TEXT, "max_words": 15}),
    # The directive has the simulator answer by the schema; it is no word of the text.
    ("extract", {"text": f"[[json]] {TEXT}"}, {"text": TEXT}),
    ("classify", {"text": TEXT, "labels": LABELS}, {"text": TEXT, "labels": LABELS}),
]


@pytest.fixture(params=STYLES, ids=lambda style: style[1])
def asked(request: pytest.FixtureRequest, tmp_path: Path, vendors: Simulator) -> Any:
    model, style = request.param
    configuration = f'[tools]\nmodel = "{model}"\n'
    with running(tmp_path, configuration=configuration, environment=vendors.environment) as made:
        yield made, style


@pytest.mark.parametrize(("name", "arguments", "inputs"), TOOLS, ids=lambda value: str(value)[:9])
async def test_a_vendor_is_asked_what_the_template_says(
    asked: tuple[Headgate, PromptStyle],
    vendors: Simulator,
    name: str,
    arguments: dict[str, Any],
    inputs: dict[str, Any],
) -> None:
    """The simulator counts each word that it is sent, and repeats what the user says."""
    headgate, style = asked
    messages = open_library().render(name, inputs, style=style).messages
    await vendors.forget()
    async with headgate.caller() as caller:
        answer = await caller.post(f"/v1/tools/{name}", arguments)
    (call,) = await vendors.calls()
    words = sum(len(str(message.content).split()) for message in messages)
    assert call["inputTokens"] == words
    if name == "summarize":
        assert answer.json["result"] == f"You said: {messages[-1].content}".strip()
