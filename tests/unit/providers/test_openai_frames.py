import pytest

from headgate.providers.openai_frames import only_usage, plain_end, without_usage


@pytest.mark.parametrize(
    ("frame", "remarkable"),
    [
        (b'data: {"usage":{"prompt_tokens":1}}', True),
        (b'data: {"usage" : {"total_tokens" : 1}}', True),
        (b'data: {"usage":{}}', False),
        (b'data: {"error":{"message":"no"}}', True),
        (b"data:[DONE]", True),
        (b'data: {"choices":[],"usage":null}', False),
        (rb'data: {"content":"\"total_tokens\": 1, \"error\": 1"}', False),
    ],
)
def test_frames_that_are_more_than_content_are_told_apart(frame: bytes, remarkable: bool) -> None:
    plain = b'data: {"choices":[]}\n\n'
    block = plain + plain + frame + b"\n\n" + plain
    assert plain_end(block, 0) == (2 * len(plain) if remarkable else len(block))
    assert plain_end(frame + b"\n\n", 0) == (0 if remarkable else len(frame) + 2)
    behind = len(plain) * 2 + len(frame) + 2
    assert plain_end(block, behind) == len(block)


def test_a_frame_is_told_with_its_usage_apart() -> None:
    """All other fields stay as they are, those with repeated names inside of them too."""
    data = b'{"id":"a","x":{"b":1, "b":2.50},"choices":[{"index":0}],"usage":{"prompt_tokens":1}}'
    assert without_usage(data) == (
        b'data: {"id":"a","x":{"b":1, "b":2.50},"choices":[{"index":0}],"usage":null}\n\n'
    )
    assert only_usage(data) == (
        b'data: {"id":"a","x":{"b":1, "b":2.50},"choices":[],"usage":{"prompt_tokens":1}}\n\n'
    )
