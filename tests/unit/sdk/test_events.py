"""Server-sent events are read line by line."""

from headgate_sdk.events import Frame, FrameReader


def frames(text: str) -> list[Frame]:
    reader = FrameReader()
    return [frame for line in text.split("\n") if (frame := reader.read(line)) is not None]


def test_comments_are_skipped_and_ids_are_kept() -> None:
    text = ': ping\n\nid: 7\ndata: {"a":1}\n\ndata: {"b":2}\n\n: ping\n\n'
    assert frames(text) == [Frame("7", {"a": 1}), Frame(None, {"b": 2})]


def test_data_on_several_lines_is_one_event_and_a_cut_one_is_none() -> None:
    assert frames('data:{"a":\ndata: 1}\n\ndata: {"b"') == [Frame(None, {"a": 1})]
