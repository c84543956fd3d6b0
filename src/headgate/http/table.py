"""All routes of the platform. What is not a row here does not exist."""

from typing import Any

from headgate.core.protocols import anthropic as anthropic_protocol
from headgate.core.protocols import (
    anthropic_answers,
    openai_embeddings,
    openai_responses_answers,
)
from headgate.core.protocols import openai as openai_protocol
from headgate.core.protocols import openai_responses as responses_protocol
from headgate.http import (
    anthropic,
    docs,
    keys,
    openai,
    openai_responses,
    platform,
    system,
    usage,
    vendor_keys,
)
from headgate.http.lists import PageQuery
from headgate.http.routes import Route


def routes() -> list[Route]:
    """The rows, in the order in which the document lists them."""
    rows = [*_model_routes(), *_openai_routes(), *_anthropic_routes()]
    rows += [*_key_routes(), *_vendor_key_routes(), *_usage_routes(), *_own_routes()]
    rows += _document_routes(rows)
    return rows


def _model_routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path="/v1/complete",
            access="ai:complete",
            handler=platform.complete,
            summary="Answer a conversation",
            description=(
                "Without a `model` the platform's default answers. With `stream` the answer "
                "is that of `POST /v1/stream`. Where the model refused to answer, `content` "
                "is its refusal."
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


def _openai_routes() -> list[Route]:
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


def _anthropic_routes() -> list[Route]:
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
                "It costs nothing, and is one request in the key's limits. Of its own models"
                " Anthropic tells it, `sandbox` and `local` count exactly; for other vendors'"
                " models it is an estimate from the size of the text."
            ),
            body=anthropic_protocol.CountTokensRequest,
            answer=anthropic_answers.TokenCount,
            errors="anthropic",
        ),
    ]


def _key_routes() -> list[Route]:
    one = "/v1/auth/keys/{keyId}"
    return [
        Route(
            method="POST",
            path="/v1/auth/keys",
            access="admin",
            handler=keys.create_key,
            summary="Create a key; its secret is shown this once",
            description=(
                "`apiKey` is the secret. It is not kept, so this answer is the only one that "
                "has it. `monthlyBudget` sets a hard budget for the key."
            ),
            body=keys.CreateKey,
            answer=keys.KeyItem,
            status=201,
        ),
        Route(
            method="GET",
            path="/v1/auth/keys",
            access="admin",
            handler=keys.list_keys,
            summary="List keys",
            description="Keys that were revoked stand among them.",
            query=PageQuery,
            answer=keys.KeyPage,
        ),
        Route(
            method="GET",
            path=one,
            access="admin",
            handler=keys.get_key,
            summary="One key",
            description="Everything about it but its secret.",
            answer=keys.KeyItem,
        ),
        Route(
            method="PATCH",
            path=one,
            access="admin",
            handler=keys.change_key,
            summary="Change a key",
            description="What is left out stays; null removes a limit.",
            body=keys.ChangeKey,
            answer=keys.KeyItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="admin",
            handler=keys.revoke_key,
            summary="Revoke a key, for good",
            description=(
                "It stops working in every process within a second, and cannot come back."
            ),
            answer=keys.KeyItem,
        ),
        Route(
            method="POST",
            path=one + "/rotate",
            access="admin",
            handler=keys.rotate_key,
            summary="Give a key a new secret",
            description=(
                "The answer has the new secret in `apiKey`. The old one works for "
                "`graceSeconds` more."
            ),
            body=keys.RotateKey,
            answer=keys.KeyItem,
        ),
    ]


def _vendor_key_routes() -> list[Route]:
    one = "/v1/providers/{provider}/key"
    return [
        Route(
            method="PUT",
            path=one,
            access="any",
            handler=vendor_keys.set_vendor_key,
            summary="Set a user's own key for a vendor",
            description=(
                "The user's calls to that vendor are made with it from then on: the vendor bills "
                "the user, and the platform nothing. It is kept encrypted, and never told again. "
                "A key that has a user sets that user's; an administrator says whose with `userId`."
            ),
            body=vendor_keys.SetVendorKey,
            answer=vendor_keys.VendorKeyItem,
        ),
        Route(
            method="GET",
            path=one,
            access="any",
            handler=vendor_keys.get_vendor_key,
            summary="See which key a user has for a vendor",
            description="Its last four characters, and when it was set.",
            query=vendor_keys.VendorKeyQuery,
            answer=vendor_keys.VendorKeyItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="any",
            handler=vendor_keys.delete_vendor_key,
            summary="Remove a user's key for a vendor",
            description="The user's calls are made with the platform's key again, and billed.",
            query=vendor_keys.VendorKeyQuery,
            answer=vendor_keys.VendorKeyItem,
        ),
    ]


def _usage_routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path="/v1/usage",
            access="usage:read",
            handler=usage.usage,
            summary="What was used, in total and by a dimension",
            description=(
                "Each of `rows` has the dimension under its own name, such as `model`, beside"
                " the same sums as `totals`. By `tag`, a call counts once for each of its "
                "tags. `userId` and `keyId` narrow what the key may see."
            ),
            query=usage.UsageQuery,
            answer=usage.UsageAnswer,
        ),
        Route(
            method="GET",
            path="/v1/usage/events",
            access="usage:read",
            handler=usage.usage_events,
            summary="The ledger's rows, newest first",
            description="`requestId` is the `x-request-id` of the answer.",
            query=usage.EventsQuery,
            answer=usage.EventPage,
        ),
        Route(
            method="GET",
            path="/v1/usage/budget",
            access="any",
            handler=usage.get_budget,
            summary="What is left of the caller's budgets",
            description=(
                "Without parameters: the tightest budget of the caller's key, user and "
                "workspace, and all of them in `budgets`. With `scope` and `id`: that one; "
                "another's needs the scope `admin`. It can be read when it is exhausted."
            ),
            query=usage.BudgetQuery,
            answer=usage.OwnBudgets | usage.BudgetItem,
        ),
        Route(
            method="PUT",
            path="/v1/usage/budget",
            access="admin",
            handler=usage.set_budget,
            summary="Set, change or remove a budget",
            description=(
                "It holds for calls that begin from now on, and counts what was spent this "
                "month. A `monthlyBudget` of null removes the limit."
            ),
            body=usage.SetBudget,
            answer=usage.BudgetItem,
        ),
        Route(
            method="GET",
            path="/v1/usage/unconfirmed",
            access="admin",
            handler=usage.unconfirmed,
            summary="What processes that died may have spent",
            description=(
                "Each entry is charged to one budget, in whose `unconfirmed` and `spent` it "
                "counts. It goes by itself where the process was only paused and tells what it "
                "did spend."
            ),
            query=PageQuery,
            answer=usage.UnconfirmedPage,
        ),
        Route(
            method="POST",
            path="/v1/usage/unconfirmed/{id}/release",
            access="admin",
            handler=usage.release_unconfirmed,
            summary="Take an unconfirmed entry off its budget",
            description=(
                "For an entry of which the vendor's bill says that it was not spent. It takes "
                "no body; a second time changes nothing."
            ),
            answer=usage.UnconfirmedItem,
        ),
    ]


def _own_routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=path,
            access="open",
            handler=system.health,
            summary="Whether the platform works",
            description=(
                "`checks` tells of each part. Where one is down the status is 503 and the "
                "body has `error` too."
            ),
            answer=system.Health,
        )
        for path in ("/health", "/v1/health")
    ]


def _document_routes(rows: list[Route]) -> list[Route]:
    """The rows that show all rows, and themselves once they stand among `rows`."""
    return [
        Route(
            method="GET",
            path="/openapi.json",
            access="open",
            handler=docs.document_handler(rows),
            summary="This interface as an OpenAPI 3.1 document",
            answer=dict[str, Any],
        ),
        Route(
            method="GET",
            path="/docs",
            access="open",
            handler=docs.page_handler(),
            summary="This interface as a page",
            answer=str,
            media_type="text/html",
        ),
    ]
