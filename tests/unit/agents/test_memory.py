"""What runs remember."""

from agent_desk import Said, agent_desk, in_json
from headgate.agents.memory import relevant
from headgate.core.chat import ChatRequest
from headgate.core.memory import Fact, Person
from headgate.core.runs import Run


def script(request: ChatRequest) -> Said:
    """Answers, and finds one fact worth knowing."""
    assert request.prompt is not None
    if request.prompt.name == "remember":
        known = "fact" if "reports go to Ada" in request.messages[0].text else None
        replaces = request.messages[0].text.partition("- fact_")[2].partition(":")[0]
        told = {
            "fact": "The reports go to Ines.",
            "replaces": f"fact_{replaces}" if known else None,
        }
        return in_json({"facts": [told]})
    return "Noted."


async def test_a_session_goes_on_where_it_was() -> None:
    async with agent_desk(script) as desk:
        first = await desk.finish("Send the reports to Ines", session_id="s")
        assert first.output == {"text": "Noted. "}
        await desk.finish("Where do the reports go?", session_id="s")
        question = desk.models.requests[2].messages[0].text
        other = await desk.start("Where do the reports go?", session_id="t")
        await desk.ended(other)
        elsewhere = desk.models.requests[4].messages[0].text
    assert "user: Send the reports to Ines" in question
    assert "assistant: Noted." in question
    assert "- The reports go to Ines." in question
    # Facts are the person's, a conversation is its session's.
    assert "The conversation so far" not in elsewhere
    assert "- The reports go to Ines." in elsewhere


async def test_a_run_without_a_session_remembers_nothing() -> None:
    async with agent_desk(script) as desk:
        await desk.finish("Send the reports to Ines")
        assert len(desk.models.requests) == 1
    assert desk.memories._facts == {}


async def test_what_no_longer_holds_is_replaced() -> None:
    async with agent_desk(script) as desk:
        run = await desk.start("The reports go to Ines now", session_id="s")
        from_ada = Fact(id="fact_1", text="The reports go to Ada.", created_at=1.0)
        await desk.memories.keep(_person(run), [from_ada])
        await desk.ended(run)
        found = await desk.memories.facts(_person(run), now=0.0, limit=9)
    assert [fact.text for fact in found] == ["The reports go to Ines."]


def _person(run: Run) -> Person:
    return Person(run.workspace_id, run.key_id)


def test_the_facts_that_fit_come_first() -> None:
    def fact(id_: str, text: str) -> Fact:
        return Fact(id=id_, text=text, created_at=1.0)

    known = [fact("1", "Ada likes tea."), fact("2", "The reports go to Ines in Porto.")]
    assert [item.id for item in relevant(known, "Who gets reports in Porto, Ada?")] == ["2", "1"]
    assert relevant(known, "Ships") == []
