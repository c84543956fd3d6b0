"""Documents on a real server: files come, are found, are asked, and stay their workspace's own.

No vendor is configured, so `local` embeds and answers.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import document_files
from headgate_server import Answer, Caller, Headgate, eventually, running
from multipart import CONTENT_TYPE, multipart

HANDBOOK = document_files.pdf(
    "The office opens at eight.\nVisitors sign in at the desk.",
    "Travel costs are paid within ten days of the report.",
)
RETURNS = (
    b"# Returns\n\nGoods may be returned within 30 days. Downloads cannot be returned.\n\n"
    b"## Costs\n\nThe customer pays for the parcel."
)
PAGE = b"<html><body><h1>Harbour</h1><p>King Olav founded the harbour in 1070.</p></body></html>"
FEES = document_files.word("# Fees", [["City", "Fee"], ["Oslo", "Seven crowns"]])


async def upload(caller: Caller, *files: tuple[str, bytes], **headers: str) -> Answer:
    answer = await caller.http.post(
        "/v1/documents",
        content=multipart(*files),
        headers={"content-type": CONTENT_TYPE, **headers},
    )
    return Answer(answer.status_code, answer.headers, answer.content)


async def search(caller: Caller, query: str, **fields: Any) -> list[dict[str, Any]]:
    answer = await caller.post("/v1/search", {"query": query} | fields)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["results"]
    return found


@pytest.fixture
async def workspace(headgate: Headgate, admin: Caller, request: Any) -> Caller:
    """Someone in a workspace that nobody else is in."""
    made = await admin.new_key("tools:run", workspaceId=request.node.name)
    return headgate.caller(made["apiKey"])


async def test_every_kind_of_file_is_added_and_found_with_its_place(workspace: Caller) -> None:
    async with workspace as caller:
        files = {
            "handbook.pdf": HANDBOOK,
            "returns.md": RETURNS,
            "harbour.html": PAGE,
            "fees.docx": FEES,
            "note.txt": "Zoë waters the plants on Fridays.".encode(),
        }
        added = await upload(caller, *files.items())
        assert added.status == 201
        assert [item["name"] for item in added.json["data"]] == list(files)
        questions = {
            "when are travel costs paid": ("handbook.pdf", 2),
            "may downloads be returned": ("returns.md", None),
            "who founded the harbour": ("harbour.html", None),
            "what is the fee in Oslo": ("fees.docx", None),
            "who waters the plants": ("note.txt", None),
        }
        for question, place in questions.items():
            best = (await search(caller, question))[0]
            assert (best["name"], best.get("page")) == place
            whole = await caller.get(f"/v1/documents/{best['documentId']}")
            assert whole["text"][best["start"] : best["end"]] == best["text"]


async def test_a_question_is_answered_from_the_documents_or_not_at_all(workspace: Caller) -> None:
    async with workspace as caller:
        await upload(caller, ("returns.md", RETURNS), ("harbour.html", PAGE))
        answer = (
            await caller.post("/v1/documents/ask", {"question": "Who founded the harbour?"})
        ).json
        assert answer["found"]
        assert [one["quote"] for one in answer["citations"]] == [
            "King Olav founded the harbour in 1070."
        ]
        nothing = {"question": "What is the capital of Mongolia?"}
        answer = (await caller.post("/v1/documents/ask", nothing)).json
        assert (answer["found"], answer["answer"]) == (False, "The documents do not say.")


async def test_another_workspace_finds_nothing(headgate: Headgate, admin: Caller) -> None:
    one = await admin.new_key("tools:run", workspaceId="apart-1")
    two = await admin.new_key("tools:run", workspaceId="apart-2")
    async with headgate.caller(one["apiKey"]) as own, headgate.caller(two["apiKey"]) as other:
        (added,) = (await upload(own, ("returns.md", RETURNS))).json["data"]
        assert await search(own, "returned goods")
        assert await search(other, "returned goods") == []
        assert (await other.get("/v1/documents"))["data"] == []
        for method in ("GET", "DELETE"):
            assert (await other.send(method, f"/v1/documents/{added['id']}")).status == 404


HOSTILE = {
    "empty.txt": b"",
    "binary.txt": bytes(range(256)),
    "program.exe": b"MZ\x90\x00",
    "broken.pdf": HANDBOOK[:120],
    "liar.pdf": b"not a pdf at all",
    "picture.pdf": document_files.pdf(""),
    "broken.docx": FEES[:200],
    "liar.docx": b"PK\x03\x04 and nothing more",
    "entities.docx": document_files.word_with("word/document.xml", document_files.ENTITIES),
    "bomb.docx": document_files.word_with("word/x.xml", b"<a>" + b" " * 30_000_000 + b"</a>"),
    "scripts.html": b"<script>only()</script>",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_file_that_cannot_be_read_is_400_and_leaves_nothing_behind(
    workspace: Caller, name: str
) -> None:
    async with workspace as caller:
        answer = await upload(caller, ("good.txt", b"fine"), (name, HOSTILE[name]))
        assert answer.status == 400, answer.body
        assert answer.json["error"]["code"] == "invalid_request"
        assert name in answer.json["error"]["message"]
        assert (await caller.get("/v1/documents"))["data"] == []
        assert await search(caller, "fine") == []


async def test_50_mb_are_too_many(workspace: Caller) -> None:
    async with workspace as caller:
        answer = await upload(caller, ("large.txt", b"a" * 50_000_000))
        assert answer.status == 413
        assert answer.json["error"]["code"] == "request_too_large"


async def test_the_same_files_sent_at_once_under_one_key_are_added_once(workspace: Caller) -> None:
    async with workspace as caller:
        once = {"idempotency-key": "import-7"}
        answers = await asyncio.gather(
            *(upload(caller, ("returns.md", RETURNS), **once) for _ in range(4))
        )
        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1
        assert len((await caller.get("/v1/documents"))["data"]) == 1


async def test_documents_lie_beside_the_ledger_and_are_their_owners_alone(
    headgate: Headgate, admin: Caller
) -> None:
    (added,) = (await upload(admin, ("note.txt", b"Ferries sail at noon."))).json["data"]
    path = Path(headgate.data) / "documents.db"
    assert path.stat().st_mode & 0o077 == 0
    events = (await admin.get("/v1/usage/events", limit=20))["data"]
    own = [event for event in events if event["useCase"] == "documents"]
    assert own
    assert {(event["requestType"], event["model"]) for event in own} == {("tool", "local")}
    await admin.send("DELETE", f"/v1/documents/{added['id']}")


async def test_a_server_that_dies_in_the_middle_leaves_nothing_and_a_retry_pays_nothing_twice(
    tmp_path: Path,
) -> None:
    """The vectors that were made before are kept under the request's key, and not made again."""
    text = "\n\n".join(f"# Part {number}\n\n{'Ferries sail. ' * 30}" for number in range(600))
    once = {"idempotency-key": "large"}
    with running(tmp_path) as platform:
        async with platform.caller() as caller:
            sent = asyncio.create_task(upload(caller, ("large.md", text.encode()), **once))
            await eventually(lambda: embedded(caller), bool)
            platform.kill()
            assert isinstance((await asyncio.gather(sent, return_exceptions=True))[0], Exception)
        platform.start()
        async with platform.caller() as caller:
            assert (await caller.get("/v1/documents"))["data"] == []
            assert await search(caller, "ferries") == []
            answer = await upload(caller, ("large.md", text.encode()), **once)
            assert answer.status == 201
            (document,) = answer.json["data"]
            (listed,) = (await caller.get("/v1/documents"))["data"]
            assert (listed["id"], listed["chunks"]) == (document["id"], 600)
            events = (await caller.get("/v1/usage/events", limit=50))["data"]
            batches = [event for event in events if event["useCase"] == "documents"]
            # 600 chunks are 10 batches; the search was one more call.
            assert len(batches) == 11


async def embedded(caller: Caller) -> bool:
    """Whether a part of a document has its vectors already."""
    return bool((await caller.get("/v1/usage/events", limit=1))["data"])


async def test_who_may_not_add_documents_is_told_so_after_a_large_upload_too(
    headgate: Headgate, admin: Caller
) -> None:
    large = ("large.txt", b"a" * 30_000_000)
    async with headgate.caller("sk-proj-nobody-0") as stranger:
        assert (await upload(stranger, large)).status == 401
    made = await admin.new_key("ai:complete")
    async with headgate.caller(made["apiKey"]) as caller:
        assert (await upload(caller, large)).status == 403
