import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatRequest,
    DataUrl,
    Document,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    TokenUsage,
    Tool,
    ToolCall,
    Wire,
    data_url,
    document_count,
    image_count,
    read_data_url,
    text_bytes,
    text_of,
)

texts = st.text(st.characters(codec="utf-8"))


def asked(*messages: Message, wire: bytes | None = None) -> ChatRequest:
    return ChatRequest(
        model="m", messages=messages, wire=None if wire is None else Wire("openai", wire)
    )


def test_a_messages_text_is_its_parts_of_text() -> None:
    assert Message("user", "hello").text == "hello"
    assert Message("user", (Text("a"), Image("data:x"), Text("b"))).text == "a\nb"
    assert Message("assistant").text == ""


def test_the_last_text_of_a_user_is_found() -> None:
    messages = (Message("user", "a"), Message("user", "b"), Message("assistant", "c"))
    assert asked(*messages).last_user_text == "b"
    assert asked(Message("system", "a")).last_user_text == ""


def test_the_total_is_input_and_output() -> None:
    """The other classes are parts of the two."""
    usage = TokenUsage(5, 7, cached_input_tokens=3, cache_write_tokens=1, reasoning_tokens=2)
    assert usage.total_tokens == 12


def test_images_are_counted_wherever_they_stand() -> None:
    image = Image("data:x")
    assert image_count([Message("user", "a"), Message("user", (image, Text("b"), image))]) == 2


@given(content=texts, name=texts, arguments=texts)
def test_texts_count_at_least_their_bytes(content: str, name: str, arguments: str) -> None:
    call = ToolCall("id", name, arguments)
    plain = asked(Message("user", (Text(content),), name=name), Message("assistant", "", (call,)))
    read = len(content.encode()) + 2 * len(name.encode()) + len(arguments.encode())
    assert text_bytes(plain) >= read


def test_tools_count_too() -> None:
    tool = Tool("add", "adds " * 100, {"type": "object"})
    request = asked(Message("user", "a"))
    with_tool = msgspec.structs.replace(request, tools=(tool,))
    assert text_bytes(with_tool) >= text_bytes(request) + 500


def test_a_callers_own_body_counts_whole_but_for_its_images() -> None:
    """A vendor may read fields that nobody here knows."""
    url = "data:image/png;base64," + "A" * 1_000
    body = b'{"messages":[{"content":[{"url":"%s"}]}],"unknown":"fields"}' % url.encode()
    assert text_bytes(asked(Message("user", "a"), wire=body)) == len(body)
    seen = asked(Message("user", (Image(url),)), wire=body)
    assert text_bytes(seen) == len(body) - len(url)


@pytest.mark.parametrize(
    "value", [Text("a", "1h"), Image("data:x", "low"), Document("data:x"), Thinking("a", "sig")]
)
def test_a_part_says_what_it_is(value: Part) -> None:
    assert msgspec.json.decode(msgspec.json.encode(value), type=Part) == value


def test_documents_are_counted_and_are_no_text() -> None:
    document = Document(data_url("application/pdf", "A" * 9_000))
    message = Message("user", (Text("a"), document, document))
    assert document_count([message, Message("user", "b")]) == 2
    assert message.text == "a"
    assert text_bytes(asked(message)) < 9_000
    body = b'{"a":"%s"}' % (document.url.encode() * 2)
    assert text_bytes(asked(message, wire=body)) < 9_000


def test_what_was_thought_counts_as_text_that_is_read_and_is_none_that_is_said() -> None:
    thoughts = (Thinking("t" * 500, "sig"), Thinking(sealed="s" * 500))
    message = Message("assistant", (*thoughts, Text("a")))
    assert message.text == "a"
    assert text_bytes(asked(message)) >= 1_000


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("data:image/png;base64,AAAA", DataUrl("image/png", "AAAA")),
        ("DATA:Image/PNG;charset=utf-8;BASE64,AAAA", DataUrl("image/png", "AAAA")),
        ("data:;base64,", DataUrl("", "")),
        ("data:text/plain,hello", None),
        ("https://a.example/b;base64,c", None),
        ("", None),
    ],
)
def test_a_data_url_has_a_type_and_base64(url: str, parts: DataUrl | None) -> None:
    assert read_data_url(url) == parts


@given(texts)
def test_a_document_of_plain_text_can_be_read(text: str) -> None:
    packed = base64.b64encode(text.encode()).decode()
    assert text_of(Document(data_url("text/plain", packed))) == text
    assert text_of(Document(data_url("application/pdf", packed))) is None


@pytest.mark.parametrize("data", ["%%%", "/w=="])
def test_a_document_that_is_no_text_after_all_is_not_read(data: str) -> None:
    assert text_of(Document(data_url("text/plain", data))) is None
