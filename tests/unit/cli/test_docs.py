from pathlib import Path

import pytest

from fake_installation import FakeInstallation, answering, invoke, refusal, reply

ADDED = {"data": [{"id": "doc_1", "name": "a.md", "chunks": 3}]}
DOCUMENT = {
    "id": "doc_1",
    "name": "a.md",
    "kind": "md",
    "characters": 1234,
    "chunks": 3,
    "pages": None,
    "createdAt": "2026-11-23T07:14:31.000Z",
}
RESULT = {
    "documentId": "doc_1",
    "name": "a.pdf",
    "text": "Ferries\nsail\x1b[2J at noon. " * 30,
    "score": 0.5,
    "start": 10,
    "end": 20,
    "page": 2,
}
REFUSED = refusal(400, "invalid_request", "'b.pdf' was not added: it is broken")


def files(directory: Path) -> Path:
    for name in ("b.pdf", "a.md", "c.exe", ".hidden.md", "deep/d.TXT", ".git/e.md"):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return directory


def test_the_documents_of_a_directory_are_added_one_by_one(tmp_path: Path) -> None:
    installation = answering(*[reply(ADDED, 201)] * 3)
    result = invoke(installation, "docs", "add", str(files(tmp_path)))
    assert result.exit_code == 0
    assert "doc_1" in result.stdout
    asked = installation.connection.asked
    assert [(one.method, one.path, one.body[0]) for one in asked] == [
        ("POST", "/v1/documents", name) for name in ("a.md", "b.pdf", "d.TXT")
    ]


def test_a_file_that_is_named_is_sent_whatever_it_is(tmp_path: Path) -> None:
    installation = answering(reply(ADDED, 201))
    assert invoke(installation, "docs", "add", str(files(tmp_path) / "c.exe")).exit_code == 0


def test_a_file_that_cannot_be_added_is_told_and_keeps_no_other_out(tmp_path: Path) -> None:
    directory = str(files(tmp_path))
    answers = (reply(ADDED, 201), REFUSED, reply(ADDED, 201))
    result = invoke(answering(*answers), "docs", "add", directory)
    assert (result.exit_code, "b.pdf: " in result.stderr) == (1, True)
    assert "it is broken" in result.stderr
    result = invoke(answering(*answers), "docs", "add", directory, "--json")
    assert result.exit_code == 1
    assert '"failed"' in result.stdout


def test_a_directory_without_documents_is_a_failure(tmp_path: Path) -> None:
    result = invoke(FakeInstallation(), "docs", "add", str(tmp_path))
    assert (result.exit_code, "no txt" in result.stderr) == (1, True)
    assert invoke(FakeInstallation(), "docs", "add", str(tmp_path / "none")).exit_code == 2
    assert invoke(FakeInstallation(), "docs", "add").exit_code == 2


def test_documents_are_listed_over_all_pages() -> None:
    pages = (
        reply({"data": [DOCUMENT], "nextCursor": "doc_1"}),
        reply({"data": [{**DOCUMENT, "id": "doc_2"}], "nextCursor": None}),
    )
    installation = answering(*pages)
    result = invoke(installation, "docs", "list")
    for word in ("doc_1", "doc_2", "1,234", "2026-11-23"):
        assert word in result.stdout
    assert installation.connection.asked[1].query == [("limit", "200"), ("cursor", "doc_1")]


def test_passages_are_shown_with_their_places_and_without_control_characters() -> None:
    installation = answering(reply({"results": [RESULT]}))
    result = invoke(installation, "docs", "search", "ferries", "--limit", "3")
    assert "a.pdf, page 2 (doc_1 10-20)  0.5" in result.stdout
    assert "\x1b" not in result.stdout
    assert "…" in result.stdout
    assert installation.connection.asked[0].body == {"query": "ferries", "limit": 3}


def test_an_answer_is_shown_with_its_citations() -> None:
    citation = {"documentId": "doc_1", "title": "a.md", "start": 1, "end": 9, "quote": "At noon."}
    told = reply({"answer": "At noon [1].", "found": True, "citations": [citation]})
    installation = answering(told)
    result = invoke(installation, "docs", "ask", "When?", "--model", "small")
    assert result.stdout == 'At noon [1].\n\na.md (doc_1 1-9)\n  "At noon."\n'
    assert installation.connection.asked[0].body == {
        "question": "When?",
        "limit": 5,
        "model": "small",
    }


def test_documents_are_deleted_by_their_ids() -> None:
    gone = [reply({"id": one, "deleted": True}) for one in ("doc_1", "doc/2")]
    installation = answering(*gone)
    result = invoke(installation, "docs", "delete", "doc_1", "doc/2")
    assert result.stdout == "Deleted doc_1.\nDeleted doc/2.\n"
    assert [one.path for one in installation.connection.asked] == [
        "/v1/documents/doc_1",
        "/v1/documents/doc%2F2",
    ]


@pytest.mark.parametrize(
    "command", ["list", "search ferries", "ask When?", "delete doc_1", "add {file}"]
)
def test_every_command_has_json_for_programs(command: str, tmp_path: Path) -> None:
    path = files(tmp_path) / "a.md"
    told = reply({"data": [], "results": [], "answer": "", "citations": [], "nextCursor": None})
    arguments = command.format(file=path).split()
    result = invoke(answering(told), "docs", *arguments, "--json")
    assert (result.exit_code, result.stdout[0]) == (0, "{")
