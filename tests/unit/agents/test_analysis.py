"""What a document is about, and where that stands in it."""

from typing import Any

import pytest

from agent_desk import NoDocuments, Said, agent_desk, in_json
from headgate.agents.analysis import PART_CHARACTERS, parts_of, tag_of
from headgate.core.chat import ChatRequest
from headgate.core.documents import Document
from headgate.core.errors import InvalidRequest
from headgate.tools.declaration import tool

TEXT = "The tenants pay no rent. The heating has been broken since May. Rents will not rise."


@tool()
async def search(query: str, limit: int) -> dict[str, Any]:
    """Search."""
    rows = [("d1", "itself.md"), ("d2", "other.md"), ("d2", "other.md")]
    return {
        "results": [
            {"documentId": id_, "name": name, "text": "x", "start": n, "end": n + 1, "score": 0.5}
            for n, (id_, name) in enumerate(rows)
        ]
    }


class Shelf(NoDocuments):
    """A library of one document."""

    async def document(self, workspace_id: str, document_id: str) -> Document:
        if document_id != "d1":
            return await super().document(workspace_id, document_id)
        return Document(
            id="d1",
            workspace_id=workspace_id,
            name="itself.md",
            kind="md",
            characters=len(TEXT),
            chunks=1,
            created_at=0.0,
        )

    async def text(self, workspace_id: str, document_id: str) -> str:
        return TEXT


def themes(request: ChatRequest) -> Said:
    return in_json(
        {
            "themes": [
                {"theme": "Rent strike", "is_new": True, "evidence": "The tenants pay no rent."},
                {"theme": "heating", "is_new": True, "evidence": "it is cold"},
                {"theme": "weather", "is_new": True, "evidence": "sunny"},
            ]
        }
    )


async def test_a_document_has_themes_tags_evidence_and_relations() -> None:
    async with agent_desk(themes, search, library=Shelf()) as desk:
        run = await desk.finish({"documentId": "d1"}, type="document-analysis", tools=("search",))
    output = run.output
    assert output["themes"] == ["Rent strike", "heating", "weather"]
    assert output["tags"] == ["rent-strike", "heating", "weather"]
    assert output["text"] == "The tenants pay no rent."
    assert [entry["documentId"] for entry in output["related"]] == ["d2"]
    for citation in output["citations"]:
        assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
        assert (citation["documentId"], citation["title"]) == ("d1", "itself.md")
    assert [citation["theme"] for citation in output["citations"]] == ["Rent strike", "heating"]


async def test_a_model_without_themes_leaves_the_words_that_are_used_most() -> None:
    async with agent_desk(lambda _: "I cannot.") as desk:
        run = await desk.finish("rents rents heating heating heating", type="document-analysis")
    assert run.output["themes"][0] == "heating"
    assert run.output["related"] == []
    assert run.output["citations"][0]["documentId"] is None


async def test_a_document_that_is_not_there_ends_the_run() -> None:
    async with agent_desk(themes, library=Shelf()) as desk:
        run = await desk.finish({"documentId": "d9"}, type="document-analysis")
    assert run.error is not None
    assert "no document 'd9'" in run.error.message


@pytest.mark.parametrize("given", [{"documentId": 3}, {"documentId": "d", "text": "t"}, {}, ""])
async def test_an_input_without_a_text_is_refused(given: object) -> None:
    async with agent_desk(themes) as desk:
        with pytest.raises(InvalidRequest):
            await desk.start(given, type="document-analysis")


def test_a_long_text_is_read_in_parts_and_none_of_it_is_lost() -> None:
    text = ("word " * 4000 + "\n\n") * 3 + "x" * PART_CHARACTERS * 2
    parts = parts_of(text)
    assert "".join(parts) == text
    assert max(map(len, parts)) <= PART_CHARACTERS


async def test_the_themes_of_all_parts_count() -> None:
    async with agent_desk(themes) as desk:
        run = await desk.finish("a b. " * 6000, type="document-analysis")
    assert len([r for r in desk.models.requests if r.prompt and r.prompt.name == "tag"]) == 2
    assert run.output["themes"] == ["Rent strike", "heating", "weather"]


def test_a_tag_is_plain() -> None:
    assert tag_of("Rents & Heating, 2026!") == "rents-heating-2026"
