"""Streams and answers in the shapes that vendors of OpenAI's protocol document, told as data.

The texts are ours; what differs from vendor to vendor is kept: null, missing and added fields,
where the usage stands, line ends, comments, and how a frame begins.
"""

from typing import NamedTuple

from headgate.core.chat import TokenUsage


class Streamed(NamedTuple):
    """A vendor's stream and what it means.

    Attributes:
        forwarded: what a caller who speaks the protocol gets before the platform's own ending.
        ending: the vendor's frame with the usage, as such a caller may get it.
        tools: the names and arguments of tool calls in their order.
    """

    vendor: str
    body: bytes
    forwarded: bytes
    text: str
    usage: TokenUsage | None
    ending: bytes
    tools: tuple[tuple[str, str], ...] = ()


class Whole(NamedTuple):
    """A vendor's whole answer and what it means; `usage` is None where there is none."""

    vendor: str
    body: bytes
    text: str
    usage: TokenUsage | None
    finish_reason: str = "stop"
    tools: tuple[tuple[str, str], ...] = ()


def frame(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


DONE = frame("[DONE]")

_OPENAI = (
    frame(
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,'
        '"model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_1","choices":[{"index":0,'
        '"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,'
        '"finish_reason":null}],"usage":null,"obfuscation":"x7"}'
    ),
    frame(
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,'
        '"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":"Grüße, "},'
        '"logprobs":null,"finish_reason":null}],"usage":null}'
    ),
    frame(
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,'
        '"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"content":'
        '"\\"usage\\": {\\"error\\": 1} data: [DONE]"},"finish_reason":null}],"usage":null}'
    ),
    frame(
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,'
        '"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{},'
        '"finish_reason":"stop"}],"usage":null}'
    ),
)
_OPENAI_USAGE = frame(
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,'
    '"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":1200,'
    '"completion_tokens":40,"total_tokens":1240,"prompt_tokens_details":{"cached_tokens":1024,'
    '"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":12,"audio_tokens":0,'
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}'
)
_OPENAI_TEXT = 'Grüße, "usage": {"error": 1} data: [DONE]'

_AZURE = (
    frame(
        '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":'
        '[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,'
        '"severity":"safe"}}}]}'
    ),
    frame(
        '{"choices":[{"content_filter_results":{},"delta":{"content":"Yes","role":"assistant"},'
        '"finish_reason":null,"index":0}],"created":1795000000,"id":"chatcmpl-2",'
        '"model":"gpt-4o","object":"chat.completion.chunk","usage":null}'
    ),
    frame(
        '{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],'
        '"created":1795000000,"id":"chatcmpl-2","model":"gpt-4o",'
        '"object":"chat.completion.chunk","usage":null}'
    ),
)
_AZURE_USAGE = frame(
    '{"choices":[],"created":1795000000,"id":"chatcmpl-2","model":"gpt-4o",'
    '"object":"chat.completion.chunk","usage":{"completion_tokens":1,"prompt_tokens":8,'
    '"total_tokens":9}}'
)

_GROQ = (
    frame(
        '{"id":"chatcmpl-3","object":"chat.completion.chunk","created":1795000000,'
        '"model":"llama-3.3-70b-versatile","choices":[{"index":0,"delta":{"role":"assistant",'
        '"content":"Fast"},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_1"}}'
    ),
    frame(
        '{"id":"chatcmpl-3","object":"chat.completion.chunk","created":1795000000,'
        '"model":"llama-3.3-70b-versatile","choices":[{"index":0,"delta":{},"logprobs":null,'
        '"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.01,'
        '"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}}'
    ),
)
_GROQ_USAGE = frame(
    '{"id":"chatcmpl-3","object":"chat.completion.chunk","created":1795000000,'
    '"model":"llama-3.3-70b-versatile","choices":[],"usage":{"queue_time":0.01,'
    '"prompt_tokens":9,"prompt_time":0.002,"completion_tokens":2,"completion_time":0.004,'
    '"total_tokens":11,"total_time":0.006}}'
)

_VLLM = (
    frame(
        '{"id":"chatcmpl-4","object":"chat.completion.chunk","created":1795000000.25,'
        '"model":"qwen3","choices":[{"index":0,"delta":{"role":"assistant","content":""},'
        '"logprobs":null,"finish_reason":null}],"prompt_token_ids":null}'
    ),
    frame(
        '{"id":"chatcmpl-4","object":"chat.completion.chunk","created":1795000000.25,'
        '"model":"qwen3","choices":[{"index":0,"delta":{"reasoning_content":"Let me think"},'
        '"finish_reason":null}]}'
    ),
    frame(
        '{"id":"chatcmpl-4","object":"chat.completion.chunk","created":1795000000.25,'
        '"model":"qwen3","choices":[{"index":0,"delta":{"content":"Four"},"logprobs":null,'
        '"finish_reason":"stop","stop_reason":null}]}'
    ),
)
_VLLM_USAGE = frame(
    '{"id":"chatcmpl-4","object":"chat.completion.chunk","created":1795000000.25,'
    '"model":"qwen3","choices":[],"usage":{"prompt_tokens":11,"total_tokens":16,'
    '"completion_tokens":5,"prompt_tokens_details":null}}'
)

_OLLAMA = (
    frame(
        '{"id":"chatcmpl-5","object":"chat.completion.chunk","created":1795000000,'
        '"model":"llama3.2","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":'
        '{"role":"assistant","content":"","tool_calls":[{"id":"call_a","index":0,"type":'
        '"function","function":{"name":"weather","arguments":"{\\"city\\":\\"Bern\\"}"}}]},'
        '"finish_reason":null}]}'
    ),
    frame(
        '{"id":"chatcmpl-5","object":"chat.completion.chunk","created":1795000000,'
        '"model":"llama3.2","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":'
        '{"role":"assistant","content":""},"finish_reason":"tool_calls"}]}'
    ),
)
_OLLAMA_USAGE = frame(
    '{"id":"chatcmpl-5","object":"chat.completion.chunk","created":1795000000,'
    '"model":"llama3.2","system_fingerprint":"fp_ollama","choices":[],"usage":'
    '{"prompt_tokens":26,"completion_tokens":7,"total_tokens":33}}'
)

_MISTRAL_START = frame(
    '{"id":"cmpl-6","object":"chat.completion.chunk","created":1795000000,'
    '"model":"mistral-small","choices":[{"index":0,"delta":{"role":"assistant",'
    '"content":"Bon"},"finish_reason":null}]}'
)
_MISTRAL_LAST = (
    '{"id":"cmpl-6","object":"chat.completion.chunk","created":1795000000,'
    '"model":"mistral-small","choices":[%s],"usage":%s}'
)
_MISTRAL_CHOICE = '{"index":0,"delta":{"content":"jour"},"finish_reason":"stop"}'
_MISTRAL_COUNT = '{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}'

_DEEPSEEK = (
    frame(
        '{"id":"7","object":"chat.completion.chunk","created":1795000000,'
        '"model":"deepseek-chat","choices":[{"index":0,"delta":{"role":"assistant",'
        '"content":"Hm"},"logprobs":null,"finish_reason":null}],"usage":null}'
    ),
)
_DEEPSEEK_LAST = (
    '{"id":"7","object":"chat.completion.chunk","created":1795000000,"model":"deepseek-chat",'
    '"choices":[%s],"usage":%s}'
)
_DEEPSEEK_CHOICE = '{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop"}'
_DEEPSEEK_COUNT = (
    '{"prompt_tokens":70,"completion_tokens":1,"total_tokens":71,"prompt_cache_hit_tokens":64,'
    '"prompt_cache_miss_tokens":6}'
)

_OPENROUTER = (
    frame(
        '{"id":"gen-8","provider":"Acme","model":"acme/large","object":"chat.completion.chunk",'
        '"created":1795000000,"choices":[{"index":0,"delta":{"role":"assistant",'
        '"content":"Hi","reasoning":null},"finish_reason":null,"native_finish_reason":null,'
        '"logprobs":null}]}'
    ),
    b": OPENROUTER PROCESSING\n\n",
    frame(
        '{"id":"gen-8","provider":"Acme","model":"acme/large","object":"chat.completion.chunk",'
        '"created":1795000000,"choices":[{"index":0,"delta":{"content":"!"},'
        '"finish_reason":"stop","error":null}]}'
    ),
)
_OPENROUTER_LAST = (
    '{"id":"gen-8","provider":"Acme","model":"acme/large","object":"chat.completion.chunk",'
    '"created":1795000000,"choices":[%s],"usage":%s}'
)
_OPENROUTER_CHOICE = '{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}'
_OPENROUTER_COUNT = (
    '{"prompt_tokens":30,"completion_tokens":4,"total_tokens":34,"cost":0.0001,'
    '"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":20},'
    '"completion_tokens_details":{"reasoning_tokens":2}}'
)

_GEMINI_CALL = (
    '{"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":'
    '"{\\"n\\":%d}","name":"add"},"id":"%s","type":"function"}]},"index":0}],'
    '"created":1795000000,"model":"gemini","object":"chat.completion.chunk"}'
)
_GEMINI = (frame(_GEMINI_CALL % (1, "call_1")), frame(_GEMINI_CALL % (2, "call_2")))
_GEMINI_USAGE = frame(
    '{"choices":[],"created":1795000000,"model":"gemini","object":"chat.completion.chunk",'
    '"usage":{"completion_tokens":8,"prompt_tokens":20,"total_tokens":60}}'
)

STREAMS = (
    Streamed(
        "openai",
        b"".join((*_OPENAI, _OPENAI_USAGE, DONE)),
        b"".join(_OPENAI),
        _OPENAI_TEXT,
        TokenUsage(1200, 40, cached_input_tokens=1024, reasoning_tokens=12),
        _OPENAI_USAGE,
    ),
    Streamed(
        "azure",
        b"".join((*_AZURE, _AZURE_USAGE, DONE)),
        b"".join(_AZURE[1:]),  # what the filters think of the question is not forwarded
        "Yes",
        TokenUsage(8, 1),
        _AZURE_USAGE,
    ),
    Streamed(
        "groq",
        b"".join((*_GROQ, _GROQ_USAGE, DONE)),
        b"".join(_GROQ),
        "Fast",
        TokenUsage(9, 2),
        _GROQ_USAGE,
    ),
    Streamed(
        "vllm",
        b"".join((*_VLLM, _VLLM_USAGE, DONE)),
        b"".join(_VLLM),
        "Four",
        TokenUsage(11, 5),
        _VLLM_USAGE,
    ),
    Streamed(
        "ollama",
        b"".join((*_OLLAMA, _OLLAMA_USAGE, DONE)),
        b"".join(_OLLAMA),
        "",
        TokenUsage(26, 7),
        _OLLAMA_USAGE,
        (("weather", '{"city":"Bern"}'),),
    ),
    Streamed(
        "mistral",
        _MISTRAL_START + frame(_MISTRAL_LAST % (_MISTRAL_CHOICE, _MISTRAL_COUNT)) + DONE,
        _MISTRAL_START + frame(_MISTRAL_LAST % (_MISTRAL_CHOICE, "null")),
        "Bonjour",
        TokenUsage(5, 2),
        frame(_MISTRAL_LAST % ("", _MISTRAL_COUNT)),
    ),
    Streamed(
        "deepseek",
        b": keep-alive\n\n"
        + _DEEPSEEK[0]
        + frame(_DEEPSEEK_LAST % (_DEEPSEEK_CHOICE, _DEEPSEEK_COUNT))
        + DONE,
        _DEEPSEEK[0] + frame(_DEEPSEEK_LAST % (_DEEPSEEK_CHOICE, "null")),
        "Hm",
        TokenUsage(70, 1, cached_input_tokens=64),
        frame(_DEEPSEEK_LAST % ("", _DEEPSEEK_COUNT)),
    ),
    Streamed(
        "openrouter",
        b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
        + b"".join(_OPENROUTER)
        + frame(_OPENROUTER_LAST % (_OPENROUTER_CHOICE, _OPENROUTER_COUNT))
        + DONE,
        b"".join(_OPENROUTER) + frame(_OPENROUTER_LAST % (_OPENROUTER_CHOICE, "null")),
        "Hi!",
        TokenUsage(30, 4, cache_write_tokens=20, reasoning_tokens=2),
        frame(_OPENROUTER_LAST % ("", _OPENROUTER_COUNT)),
    ),
    Streamed(
        "tool calls without index, reasoning outside of the completion",
        b"".join((*_GEMINI, _GEMINI_USAGE, DONE)),
        b"".join(_GEMINI),
        "",
        TokenUsage(20, 40),
        _GEMINI_USAGE,
        (("add", '{"n":1}'), ("add", '{"n":2}')),
    ),
    Streamed(
        "no blank line after the end mark, no space after the colon, spaces in JSON",
        b'data:{"choices": [ {"delta": {"content": "a"}} ]}\n\n'
        b'data:{"choices": [], "usage" : {"prompt_tokens":3,"completion_tokens":1}}\n\n'
        b"data:[DONE]",
        b'data:{"choices": [ {"delta": {"content": "a"}} ]}\n\n',
        "a",
        TokenUsage(3, 1),
        frame('{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}'),
    ),
    Streamed(
        "no usage at all, an event name, and too many blank lines",
        b'\n\nevent: message\ndata: {"choices":[{"delta":{"content":"b"}}]}\n\n\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{}}'
        b"\n\n\ndata: [DONE]\n\n\n",
        b'event: message\ndata: {"choices":[{"delta":{"content":"b"}}]}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{}}\n\n',
        "b",
        None,
        b"",
    ),
)

ANSWERS = (
    Whole(
        "openai",
        b'{"id":"chatcmpl-1","object":"chat.completion","created":1795000000,"model":'
        b'"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":'
        b'"Hello","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1200,"completion_tokens":40,"total_tokens":1240,'
        b'"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":12}},"service_tier":"default"}',
        "Hello",
        TokenUsage(1200, 40, cached_input_tokens=1024, reasoning_tokens=12),
    ),
    Whole(
        "azure",
        b'{"id":"chatcmpl-2","created":1795000000,"model":"gpt-4o","object":"chat.completion",'
        b'"choices":[{"finish_reason":"content_filter","index":0,"message":{"role":"assistant"},'
        b'"content_filter_results":{"hate":{"filtered":true,"severity":"high"}}}],'
        b'"usage":{"completion_tokens":0,"prompt_tokens":8,"total_tokens":8}}',
        "",
        TokenUsage(8, 0),
        "content_filter",
    ),
    Whole(
        "groq, with a tool call",
        b'{"id":"chatcmpl-3","object":"chat.completion","created":1795000000,"model":"llama",'
        b'"choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"call_x",'
        b'"type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"Bern\\"}"}'
        b'}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"queue_time":0.1,'
        b'"prompt_tokens":9,"completion_tokens":5,"total_tokens":14},"x_groq":{"id":"req_1"}}',
        "",
        TokenUsage(9, 5),
        "tool_calls",
        (("weather", '{"city":"Bern"}'),),
    ),
    Whole(
        "vllm",
        b'{"id":"cmpl-4","object":"chat.completion","created":1795000000.5,"model":"qwen3",'
        b'"choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"Hm",'
        b'"content":"Four","tool_calls":[]},"logprobs":null,"finish_reason":"length",'
        b'"stop_reason":null}],"usage":{"prompt_tokens":11,"total_tokens":16,'
        b'"completion_tokens":5,"prompt_tokens_details":null},"prompt_logprobs":null}',
        "Four",
        TokenUsage(11, 5),
        "length",
    ),
    Whole(
        "ollama, without an id",
        b'{"object":"chat.completion","created":1795000000,"model":"llama3.2","choices":'
        b'[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}',
        "Hi",
        TokenUsage(26, 2),
    ),
    Whole(
        "mistral, a content in parts",
        b'{"id":"6","object":"chat.completion","created":1795000000,"model":"magistral",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking",'
        b'"thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Bonjour"}],'
        b'"tool_calls":null},"finish_reason":"model_length"}],"usage":{"prompt_tokens":5,'
        b'"total_tokens":9,"completion_tokens":4}}',
        "Bonjour",
        TokenUsage(5, 4),
        "length",
    ),
    Whole(
        "deepseek",
        b'{"id":"7","object":"chat.completion","created":1795000000,"model":"deepseek-chat",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"Hm",'
        b'"reasoning_content":null},"logprobs":null,"finish_reason":'
        b'"insufficient_system_resource"}],"usage":{"prompt_tokens":70,"completion_tokens":1,'
        b'"total_tokens":71,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":6}}',
        "Hm",
        TokenUsage(70, 1, cached_input_tokens=64),
    ),
    Whole(
        "openrouter",
        b'{"id":"gen-8","provider":"Acme","model":"acme/large","object":"chat.completion",'
        b'"created":1795000000,"choices":[{"logprobs":null,"finish_reason":"stop",'
        b'"native_finish_reason":"end_turn","index":0,"message":{"role":"assistant",'
        b'"content":"Hi!","refusal":null,"reasoning":"Hm"}}],"usage":{"prompt_tokens":30,'
        b'"completion_tokens":4,"total_tokens":34,"cost":0.0001,"prompt_tokens_details":'
        b'{"cached_tokens":0,"cache_write_tokens":20},"completion_tokens_details":'
        b'{"reasoning_tokens":2}}}',
        "Hi!",
        TokenUsage(30, 4, cache_write_tokens=20, reasoning_tokens=2),
    ),
    Whole(
        "a server without usage",
        b'{"choices":[{"message":{"content":"12345678"},"finish_reason":null}],"usage":null}',
        "12345678",
        None,
    ),
    Whole(
        "a server that counts nothing",
        b'{"choices":[{"message":{"content":"12345678"}}],"usage":{"prompt_tokens":0,'
        b'"completion_tokens":0,"total_tokens":0}}',
        "12345678",
        None,
    ),
)
