import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatRequest,
    Image,
    Message,
    Text,
    TokenUsage,
    Tool,
    ToolCall,
    Wire,
    image_count,
    text_bytes,
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


@pytest.mark.parametrize("value", [Text("a"), Image("data:x", "low")])
def test_a_part_says_what_it_is(value: Text | Image) -> None:
    assert msgspec.json.decode(msgspec.json.encode(value), type=Text | Image) == value
