"""Research whose citations resolve."""

from typing import Any

from agent_desk import Said, agent_desk, in_json
from headgate.agents.research import put_together, renumbered
from headgate.core.chat import ChatRequest
from headgate.tools.declaration import tool

PASSAGES = [
    {"documentId": "d1", "name": "ferries.md", "text": "Ferries are slow.", "start": 0, "end": 17},
    {"documentId": "d2", "name": "grid.md", "text": "The grid is weak.", "start": 9, "end": 26},
]


@tool()
async def search(query: str, limit: int) -> dict[str, Any]:
    """Search."""
    if query == "nothing":
        return {"results": []}
    return {"results": [p | {"score": 1.0 - n / 10} for n, p in enumerate(PASSAGES)]}


@tool()
async def summarize(text: str, max_words: int) -> dict[str, str]:
    """Summarise."""
    return {"summary": f"In short: {text}"}


@tool()
async def extract(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Extract."""
    return {"facts": [f"Fact: {text}"]}


TOOLS = (search, summarize, extract)
NAMES = ("search", "summarize", "extract")


def model(report: str, steps: list[str] | None = None) -> Any:
    def script(request: ChatRequest) -> Said:
        assert request.prompt is not None
        if request.prompt.name == "plan":
            planned = [
                {"id": str(n), "task": task, "needs": []} for n, task in enumerate(steps or [])
            ]
            return in_json({"steps": planned}) if planned else "I cannot plan."
        return report

    return script


async def test_a_report_cites_what_the_documents_say() -> None:
    script = model("Weak grid [2]. Slow [1][2]. Odd [7].", ["Which ferries?"])
    async with agent_desk(script, *TOOLS) as desk:
        run = await desk.finish({"topic": "Battery ferries"}, type="research", tools=NAMES)
        names = [e.data["name"] for e in await desk.events(run) if e.type == "step.finished"]
    assert run.output["text"] == "Weak grid [1]. Slow [2][1]. Odd ."
    assert [(c["documentId"], c["title"], c["quote"]) for c in run.output["citations"]] == [
        ("d2", "grid.md", "The grid is weak."),
        ("d1", "ferries.md", "Ferries are slow."),
    ]
    assert run.output["questions"] == ["Battery ferries", "Which ferries?"]
    assert run.output["facts"] == ["Fact: Ferries are slow.", "Fact: The grid is weak."]
    assert names == ["plan", *["search"] * 2, *["summarize"] * 2, *["extract"] * 2, "report"]


async def test_a_model_that_cannot_write_with_citations_gets_an_honest_report() -> None:
    async with agent_desk(model("I have no idea."), *TOOLS) as desk:
        run = await desk.finish("Ferries", type="research", tools=("search",))
    assert run.output["text"] == "Ferries are slow. [1]\n\nThe grid is weak. [2]"
    assert len(run.output["citations"]) == 2


async def test_where_nothing_is_found_that_is_said() -> None:
    async with agent_desk(model(""), *TOOLS) as desk:
        run = await desk.finish("nothing", type="research", tools=("search",))
    assert "say nothing about this: nothing" in run.output["text"]
    assert run.output["citations"] == []


async def test_research_without_a_search_is_refused() -> None:
    async with agent_desk(model(""), *TOOLS) as desk:
        run = await desk.finish("Ferries", type="research", tools=("summarize",))
    assert run.error is not None
    assert run.error.code == "tool_not_allowed"


async def test_its_tools_are_given_where_the_request_lists_none() -> None:
    async with agent_desk(model("[1]"), *TOOLS) as desk:
        run = await desk.start("Ferries", type="research")
    assert run.request.tools == NAMES


def test_every_mark_stands_for_a_source() -> None:
    assert renumbered("a [3] b [1] c [3] d [9] e [0]", 3) == ("a [1] b [2] c [1] d  e", [3, 1])
    assert put_together(["x", "y"]) == "x [1]\n\ny [2]"
