"""Every option of the official clients is read, or it is known why it need not be.

A new edition of a client that brings a new option fails here, so that nobody's wish is dropped in
silence where another vendor answers.
"""

from typing import Any

import pytest
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from headgate.core.protocols.anthropic import CountTokensRequest, MessagesRequest
from headgate.core.protocols.openai import ChatCompletionRequest
from headgate.core.protocols.openai_responses import ResponsesRequest

A_HEADER = "a header, and none that is handed on"
A_HINT = "a hint for the vendor's cache"
KEPT = "what the vendor keeps changes no answer"
ANTHROPIC = {
    "cache_control": A_HINT,
    "diagnostics": "about the vendor's cache, and empty without one",
    "user_profile_id": A_HEADER,
    "workspace_id": A_HEADER,
}
OPENAI = {
    "audio": "only with a modality that is refused",
    "metadata": KEPT,
    "prompt_cache_key": A_HINT,
    "prompt_cache_options": A_HINT,
    "prompt_cache_retention": A_HINT,
    "store": KEPT,
    "top_logprobs": "only with logprobs, which other vendors refuse",
}
RESPONSES = {
    "max_tool_calls": "of the tools that a vendor runs, which are refused",
    "prompt_cache_options": A_HINT,
    "prompt_cache_retention": A_HINT,
    "store": "answered as false: nothing is kept",
    "stream_options": "padding, which hides the sizes of pieces and is not needed by any client",
}


@pytest.mark.parametrize(
    ("client", "read", "reasons"),
    [
        (MessageCreateParamsBase, MessagesRequest, ANTHROPIC),
        (MessageCountTokensParams, CountTokensRequest, ANTHROPIC),
        (CompletionCreateParamsBase, ChatCompletionRequest, OPENAI),
        (ResponseCreateParamsBase, ResponsesRequest, RESPONSES),
    ],
)
def test_every_option_is_read_or_has_a_reason(
    client: Any, read: Any, reasons: dict[str, str]
) -> None:
    assert client.__annotations__.keys() - set(read.__struct_fields__) <= reasons.keys()
    assert not reasons.keys() & set(read.__struct_fields__)
