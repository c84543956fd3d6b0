"""Routes to models, in the words of the platform, of OpenAI and of Anthropic."""

from headgate.core.protocols import anthropic as anthropic_protocol
from headgate.core.protocols import (
    anthropic_answers,
    openai_embeddings,
    openai_responses_answers,
)
from headgate.core.protocols import openai as openai_protocol
from headgate.core.protocols import openai_responses as responses_protocol
from headgate.http import anthropic, openai, openai_responses, platform, resuming
from headgate.http.routes import Route


def platform_routes() -> list[Route]:
    """The platform's own."""
    return [
        Route(
            method="POST",
            path="/v1/complete",
            access="ai:complete",
            handler=platform.complete,
            summary="Answer a conversation",
            description=(
                "Without a `model` the platform's default answers. With a `prompt` the messages of"
                " that template come before the others, and the ledger has its name. With `stream`"
                " the answer is that of `POST /v1/stream`. Where the model refused to answer,"
                " `content` is its refusal."
            ),
            body=platform.CompleteRequest,
            answer=platform.CompleteAnswer,
            metered=True,
            streams=True,
        ),
        Route(
            method="POST",
            path="/v1/stream",
            access="ai:complete",
            handler=platform.stream,
            summary="Answer a conversation piece by piece",
            description=(
                "Server-sent events, each of them `data:` with a JSON object:\n\n"
                '- `{"type":"delta","content":"…"}`: the next piece of the text\n'
                '- `{"type":"done","id","model","provider","finishReason","toolCalls"?,'
                '"usage","latencyMs"}`: the end, once it is paid for\n'
                '- `{"type":"error","error":{…}}`: the end, where the answer broke off'
            ),
            body=platform.CompleteRequest,
            answer=None,
            metered=True,
            streams=True,
        ),
        Route(
            method="GET",
            path="/v1/stream/{requestId}",
            access="ai:complete",
            handler=resuming.resume_stream,
            summary="Go on with an answer that was broken off",
            description=(
                "Of an answer that was begun with `resumable`, or with the header"
                " `x-headgate-resumable: true`, by the same key: its events behind the one that"
                " `Last-Event-ID` names, or all. The id is the answer's `x-request-id`; its events"
                " are in the words of the route that it was asked at. 404 where there is no such"
                " answer, or no more."
            ),
            answer=None,
            streams=True,
        ),
        Route(
            method="POST",
            path="/v1/embed",
            access="ai:embed",
            handler=platform.embed,
            summary="Turn texts into vectors",
            description="`embeddings` has one vector per text, in the order of `input`.",
            body=platform.EmbedRequest,
            answer=platform.EmbedAnswer,
            metered=True,
        ),
        Route(
            method="POST",
            path="/v1/classify",
            access="ai:complete",
            handler=platform.classify,
            summary="Say which label fits a text",
            description=(
                "`label` is always one of `labels`, `confidence` lies from 0 to 1, and "
                "`scores` has every label and adds up to 1."
            ),
            body=platform.ClassifyRequest,
            answer=platform.ClassifyAnswer,
            metered=True,
        ),
    ]


def openai_routes() -> list[Route]:
    """As OpenAI's clients call them."""
    return [
        Route(
            method="POST",
            path="/v1/chat/completions",
            access="ai:complete",
            handler=openai.chat_completions,
            summary="Chat completions, as OpenAI's clients call them",
            description=(
                "With `stream` the answer is chunks as server-sent events, up to `data: "
                "[DONE]`; with `stream_options.include_usage` the last chunk tells the usage."
                ' Where the answer breaks off, the last event is `{"error":{…}}`.'
            ),
            body=openai_protocol.ChatCompletionRequest,
            answer=openai_protocol.ChatCompletion,
            metered=True,
            streams=True,
        ),
        Route(
            method="POST",
            path="/v1/responses",
            access="ai:complete",
            handler=openai_responses.responses,
            summary="Responses, as OpenAI's clients create them",
            description=(
                "The conversation comes whole with every call: nothing is kept between calls, so"
                " `store` is answered as false, and `previous_response_id`, `conversation`,"
                " `background` and references to items are refused. Tools are functions. With"
                " `stream` the answer is events, from `response.created` to `response.completed`"
                " or `response.incomplete`; where it breaks off, they end with `response.failed`"
                " and `error`."
            ),
            body=responses_protocol.ResponsesRequest,
            answer=openai_responses_answers.ResponseAnswer,
            metered=True,
            streams=True,
        ),
        Route(
            method="POST",
            path="/v1/embeddings",
            access="ai:embed",
            handler=openai.embeddings,
            summary="Embeddings, as OpenAI's clients call them",
            description=(
                "Vectors are numbers, or base64 of little-endian 32-bit floats with "
                "`encoding_format` `base64`. Lists of tokens are taken too."
            ),
            body=openai_embeddings.EmbeddingsRequest,
            answer=openai_embeddings.EmbeddingList,
            metered=True,
        ),
        Route(
            method="GET",
            path="/v1/models",
            access="any",
            handler=openai.models,
            summary="The models that the key may use",
            description=(
                "Aliases and `auto` stand among them. An id that several vendors have is "
                "listed for the others as `vendor/model`."
            ),
            answer=openai_protocol.ModelList,
        ),
        Route(
            method="GET",
            path="/v1/models/{id:path}",
            access="any",
            handler=openai.model,
            summary="One model",
            description=(
                "Any name that a request may use, listed or not; `vendor/model` is one too."
            ),
            answer=openai_protocol.ModelItem,
        ),
    ]


def anthropic_routes() -> list[Route]:
    """As Anthropic's clients call them."""
    return [
        Route(
            method="POST",
            path="/v1/messages",
            access="ai:complete",
            handler=anthropic.messages,
            summary="Messages, as Anthropic's clients send them",
            description=(
                "With `stream` the answer is events, from `message_start` to `message_stop`; the"
                " usage of `message_delta` is the final one. Where the answer breaks off, the"
                " last event is `error`. Any `anthropic-version` is taken."
            ),
            body=anthropic_protocol.MessagesRequest,
            answer=anthropic_answers.MessageAnswer,
            metered=True,
            streams=True,
            errors="anthropic",
        ),
        Route(
            method="POST",
            path="/v1/messages/count_tokens",
            access="ai:complete",
            handler=anthropic.count_tokens,
            summary="How many tokens a message would be read as",
            description=(
                "It costs nothing, and is one request in the key's limits, of which the headers"
                " `x-ratelimit-…` tell. Of its own models"
                " Anthropic tells it, `sandbox` and `local` count exactly; for other vendors'"
                " models it is an estimate from the size of the text."
            ),
            body=anthropic_protocol.CountTokensRequest,
            answer=anthropic_answers.TokenCount,
            errors="anthropic",
        ),
    ]
