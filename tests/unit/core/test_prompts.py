"""What a filled-in template gives."""

from headgate.core.chat import ChatRequest, Message, PromptVersion, ResponseFormat
from headgate.core.prompts import ModelPolicy, Prompt

VERSION = PromptVersion("tag-themes", 3)
MESSAGES = (Message("system", "Name the themes."), Message("user", "A text."))


def test_a_request_is_asked_by_the_templates_policy_and_carries_its_version() -> None:
    prompt = Prompt(
        version=VERSION,
        style="xml",
        messages=MESSAGES,
        use_case="tagging",
        policy=ModelPolicy(temperature=0, max_tokens=200),
    )
    assert prompt.request("sandbox") == ChatRequest(
        model="sandbox",
        messages=MESSAGES,
        temperature=0,
        max_tokens=200,
        use_case="tagging",
        prompt=VERSION,
    )


def test_a_template_with_a_schema_asks_for_an_answer_by_it() -> None:
    schema: dict[str, object] = {"type": "object"}
    prompt = Prompt(
        version=VERSION,
        style="headings",
        messages=MESSAGES,
        use_case="tagging",
        output_schema=schema,
    )
    wanted = ResponseFormat("json_schema", schema, "tag_themes", strict=True)
    assert prompt.request("sandbox").response_format == wanted
