"""Our terms in OpenTelemetry's names; the names are held to its own list of them."""

from opentelemetry.semconv._incubating.attributes import (
    gen_ai_attributes,
    network_attributes,
    rpc_attributes,
)

from headgate.core.runs import Run, RunRequest
from headgate.telemetry import conventions
from usage_events import usage_event

KNOWN = {
    value
    for listed in (gen_ai_attributes, network_attributes, rpc_attributes)
    for name, value in vars(listed).items()
    if name.isupper() and isinstance(value, str)
}
REQUEST = RunRequest(
    type="react",
    input="secret",
    model="small",
    session_id="talk",
    max_steps=1,
    seconds=1.0,
    approval_seconds=1.0,
)
RUN = Run(
    run_id="run_1", key_id="k", workspace_id="w", user_id=None, request=REQUEST, created_at=0.0
)
EVENT = usage_event(
    cached_input_tokens=1,
    cache_write_tokens=1,
    reasoning_tokens=1,
    first_token_ms=5,
    prompt="plan",
    prompt_version=2,
    run_id="run_1",
    use_case="greeting",
)


def test_every_name_is_one_of_theirs_or_begins_as_ours_do() -> None:
    said = {
        **conventions.begun_call("chat", "openai", "gpt-4o"),
        **conventions.ended_call(EVENT),
        **conventions.sums([EVENT]),
        **conventions.tool("search", "k"),
        **conventions.step(RUN, "1", "model", "plan"),
        **conventions.ended_run(RUN),
        **conventions.message("complete"),
        conventions.RPC_STATUS: "200",
    }
    assert {name for name in said if not name.startswith("headgate.")} <= KNOWN
    assert "secret" not in str(said)


def test_operations_and_vendors_have_the_names_that_they_list() -> None:
    operations = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    assert {"chat", "embeddings", "execute_tool", "invoke_agent"} <= operations
    listed = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
    assert set(conventions.PROVIDERS.values()) <= listed
    assert conventions.provider_name("openai") in listed
    assert conventions.provider_name("groq-of-ours") == "groq-of-ours"


def test_the_template_of_a_prompt_stands_beside_its_call() -> None:
    said = conventions.ended_call(EVENT)
    assert (said["gen_ai.prompt.name"], said["headgate.prompt.version"]) == ("plan", 2)


def test_several_calls_are_told_as_their_sum() -> None:
    said = conventions.sums([usage_event(cost=10**9, input_tokens=2)] * 2)
    assert (said["headgate.cost.usd"], said["gen_ai.usage.input_tokens"]) == (2.0, 4)
