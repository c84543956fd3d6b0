import base64
import functools
from typing import Any

import pytest

import document_files
from headgate.http.documents import UPLOAD_BYTES
from multipart import CONTENT_TYPE, multipart
from platform_in_memory import Platform, make_key, platform

FILES = {"content-type": CONTENT_TYPE}
RETURNS = "# Returns\n\nGoods may be returned within 30 days."


async def add(running: Platform, name: str, text: str, **others: Any) -> Any:
    answer = await running.call("POST", "/v1/documents", {"name": name, "text": text}, **others)
    assert answer.status == 201, answer.json
    return answer


async def test_files_are_added_and_told_in_their_order() -> None:
    async with platform() as running:
        body = multipart(("returns.md", RETURNS.encode()), ("a.pdf", document_files.pdf("x", "y")))
        answer = await running.call("POST", "/v1/documents", body, headers=FILES)
        assert answer.status == 201
        first, second = answer.json["data"]
        assert (first["name"], first["chunks"]) == ("returns.md", 1)
        assert (second["name"], second["chunks"]) == ("a.pdf", 2)
        assert answer.headers["x-model"] == "sandbox"
        assert float(answer.headers["x-cost"]) > 0
        listed = (await running.call("GET", "/v1/documents")).json
        assert {item["id"] for item in listed["data"]} == {first["id"], second["id"]}
        assert listed["nextCursor"] is None


async def test_a_text_and_a_file_in_base64_come_as_json() -> None:
    async with platform() as running:
        await add(running, "a.md", RETURNS)
        content = base64.b64encode(document_files.word("# Fees", "Seven crowns.")).decode()
        body = {"name": "b.docx", "contentBase64": content}
        assert (await running.call("POST", "/v1/documents", body)).status == 201
        listed = (await running.call("GET", "/v1/documents", query="limit=1")).json
        assert [item["kind"] for item in listed["data"]] == ["docx"]
        rest = await running.call("GET", "/v1/documents", query=f"cursor={listed['nextCursor']}")
        assert [item["kind"] for item in rest.json["data"]] == ["md"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a.txt"},
        {"name": "a.txt", "text": "x", "contentBase64": "eA=="},
        {"name": "a.txt", "contentBase64": "not base64!"},
        {"name": "", "text": "x"},
        {"name": "a.txt", "text": " "},
        {"name": "a.pdf", "contentBase64": "eA=="},
        {"name": "a.exe", "contentBase64": "eA=="},
        {"text": "x"},
    ],
)
async def test_what_cannot_be_added_is_400_and_leaves_nothing_behind(body: dict[str, str]) -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/documents", body)
        assert answer.status == 400
        assert answer.json["error"]["code"] == "invalid_request"
        assert (await running.call("GET", "/v1/documents")).json["data"] == []


async def test_one_bad_file_keeps_the_others_out() -> None:
    async with platform() as running:
        body = multipart(("good.txt", b"fine"), ("bad.docx", b"PK\x03\x04"))
        answer = await running.call("POST", "/v1/documents", body, headers=FILES)
        assert answer.status == 400
        assert "bad.docx" in answer.json["error"]["message"]
        assert (await running.call("GET", "/v1/documents")).json["data"] == []


async def test_files_may_be_larger_than_other_bodies_and_smaller_than_50_mb() -> None:
    async with platform(max_body_bytes=2000) as running:
        large = multipart(("a.txt", b"word " * 1000))
        assert (await running.call("POST", "/v1/documents", large, headers=FILES)).status == 201
        as_json = await running.call("POST", "/v1/documents", {"name": "a", "text": "x" * 3000})
        assert as_json.status == 413
        declared = {**FILES, "content-length": str(UPLOAD_BYTES + 1)}
        refused = await running.call("POST", "/v1/documents", large, headers=declared)
        assert refused.status == 413
        elsewhere = await running.call("POST", "/v1/search", large, headers=FILES)
        assert elsewhere.status == 413


async def test_an_upload_for_which_there_is_no_room_is_to_come_again() -> None:
    async with platform() as running:
        body = multipart(("a.txt", b"fine"))
        room = running.services.upload_room
        room.take(room.most_bytes - 10)
        refused = await running.call("POST", "/v1/documents", body, headers=FILES)
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        room.give_back(room.most_bytes - 10)
        for _ in range(5):
            # What is answered, well or not, gives its room back.
            room.take(room.most_bytes - UPLOAD_BYTES)
            answer = await running.call("POST", "/v1/documents", body, headers=FILES)
            assert answer.status == 201
            room.give_back(room.most_bytes - UPLOAD_BYTES)


async def test_files_are_looked_at_after_the_key() -> None:
    async with platform() as running:
        send = functools.partial(running.call, "POST", "/v1/documents", b"broken", headers=FILES)
        assert (await send(key=None)).status == 401
        assert (await send(key=await make_key(running))).status == 403
        assert (await send()).status == 400


async def test_a_document_is_read_page_by_page_and_removed() -> None:
    async with platform() as running:
        document_id = (await add(running, "a.md", RETURNS)).json["data"][0]["id"]
        path = f"/v1/documents/{document_id}"
        whole = (await running.call("GET", path)).json
        assert (whole["text"], whole["nextStart"], whole["name"]) == (RETURNS, None, "a.md")
        part = (await running.call("GET", path, query="start=2&length=7")).json
        assert (part["text"], part["start"], part["nextStart"]) == ("Returns", 2, 9)
        assert (await running.call("DELETE", path)).json == {"id": document_id, "deleted": True}
        for method in ("GET", "DELETE"):
            assert (await running.call(method, path)).status == 404


async def test_a_search_gives_passages_with_their_places() -> None:
    async with platform() as running:
        document_id = (await add(running, "a.md", RETURNS)).json["data"][0]["id"]
        answer = await running.call("POST", "/v1/search", {"query": "returned goods", "limit": 1})
        (result,) = answer.json["results"]
        assert result["documentId"] == document_id
        assert RETURNS[result["start"] : result["end"]] == result["text"]
        assert 0 < result["score"] <= 1
        assert "page" not in result
        none = {"query": "returned goods", "filter": {"kinds": ["pdf"]}}
        assert (await running.call("POST", "/v1/search", none)).json == {"results": []}
        some = {"query": "returned goods", "filter": {"documentIds": [document_id]}}
        assert len((await running.call("POST", "/v1/search", some)).json["results"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": " "},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 51},
        {"query": "x", "filter": {"documentId": "doc_1"}},
    ],
)
async def test_a_search_that_makes_no_sense_is_400(body: dict[str, Any]) -> None:
    async with platform() as running:
        assert (await running.call("POST", "/v1/search", body)).status == 400


async def test_a_workspace_sees_only_what_is_its_own() -> None:
    async with platform() as running:
        document_id = (await add(running, "a.md", RETURNS)).json["data"][0]["id"]
        key = await make_key(running, scopes=["tools:run"], workspaceId="other")
        search = {"query": "returned goods"}
        assert (await running.call("POST", "/v1/search", search, key=key)).json == {"results": []}
        assert (await running.call("GET", "/v1/documents", key=key)).json["data"] == []
        for method in ("GET", "DELETE"):
            path = f"/v1/documents/{document_id}"
            assert (await running.call(method, path, key=key)).status == 404


async def test_sending_again_under_the_same_key_adds_nothing_and_costs_nothing() -> None:
    """A client that sends its files again draws another boundary between them."""
    async with platform() as running:
        once = {"idempotency-key": "k1"}
        body = multipart(("a.md", RETURNS.encode()))
        first = await running.call("POST", "/v1/documents", body, headers=FILES | once)
        again = await running.call(
            "POST",
            "/v1/documents",
            body.replace(b"--edge", b"--other"),
            headers={"content-type": "multipart/form-data; boundary=other"} | once,
        )
        assert again.status == 201
        assert again.json == first.json
        assert (again.headers["x-cost"], again.headers["idempotency-replayed"]) == ("0", "true")
        assert len((await running.call("GET", "/v1/documents")).json["data"]) == 1
        other = multipart(("a.md", b"Something else."))
        conflict = await running.call("POST", "/v1/documents", other, headers=FILES | once)
        assert conflict.status == 409


async def test_a_question_gets_an_answer_with_citations_or_is_said_to_have_none() -> None:
    async with platform() as running:
        document_id = (await add(running, "a.md", RETURNS)).json["data"][0]["id"]
        quote = "Goods may be returned within 30 days."
        body = {"question": f"Really? [[say {quote} [1]]] goods returned", "model": "sandbox"}
        answer = (await running.call("POST", "/v1/documents/ask", body)).json
        assert answer["found"]
        assert answer["citations"] == [
            {
                "documentId": document_id,
                "title": "a.md",
                "start": RETURNS.index(quote),
                "end": RETURNS.index(quote) + len(quote),
                "quote": quote,
            }
        ]
        assert answer["usage"]["inputTokens"] > 0
        body["question"] = "[[say NOT IN THE DOCUMENTS]] goods"
        answer = (await running.call("POST", "/v1/documents/ask", body)).json
        assert (answer["found"], answer["citations"]) == (False, [])
