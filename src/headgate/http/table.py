"""All routes of the platform. What is not a row here does not exist."""

from headgate.core.protocols import openai as openai_protocol
from headgate.http import keys, openai, platform, system, usage
from headgate.http.lists import PageQuery
from headgate.http.routes import Route


def routes() -> list[Route]:
    """The rows, in the order in which the document lists them."""
    return [*_model_routes(), *_openai_routes(), *_key_routes(), *_usage_routes(), *_own_routes()]


def _model_routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path="/v1/complete",
            access="ai:complete",
            handler=platform.complete,
            summary="Answer a conversation",
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
            body=openai_protocol.ChatCompletionRequest,
            answer=openai_protocol.ChatCompletion,
            metered=True,
            streams=True,
        ),
        Route(
            method="POST",
            path="/v1/embeddings",
            access="ai:embed",
            handler=openai.embeddings,
            summary="Embeddings, as OpenAI's clients call them",
            body=openai_protocol.EmbeddingsRequest,
            answer=openai_protocol.EmbeddingList,
            metered=True,
        ),
        Route(
            method="GET",
            path="/v1/models",
            access="any",
            handler=openai.models,
            summary="The models that the key may use",
            answer=openai_protocol.ModelList,
        ),
        Route(
            method="GET",
            path="/v1/models/{id:path}",
            access="any",
            handler=openai.model,
            summary="One model",
            answer=openai_protocol.ModelItem,
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
            query=PageQuery,
            answer=keys.KeyPage,
        ),
        Route(
            method="GET",
            path=one,
            access="admin",
            handler=keys.get_key,
            summary="One key",
            answer=keys.KeyItem,
        ),
        Route(
            method="PATCH",
            path=one,
            access="admin",
            handler=keys.change_key,
            summary="Change a key",
            body=keys.ChangeKey,
            answer=keys.KeyItem,
        ),
        Route(
            method="DELETE",
            path=one,
            access="admin",
            handler=keys.revoke_key,
            summary="Revoke a key, for good",
            answer=keys.KeyItem,
        ),
        Route(
            method="POST",
            path=one + "/rotate",
            access="admin",
            handler=keys.rotate_key,
            summary="Give a key a new secret",
            body=keys.RotateKey,
            answer=keys.KeyItem,
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
            query=usage.UsageQuery,
            answer=usage.UsageAnswer,
        ),
        Route(
            method="GET",
            path="/v1/usage/events",
            access="usage:read",
            handler=usage.usage_events,
            summary="The ledger's rows, newest first",
            query=usage.EventsQuery,
            answer=usage.EventPage,
        ),
        Route(
            method="GET",
            path="/v1/usage/budget",
            access="any",
            handler=usage.get_budget,
            summary="What is left of the caller's budgets",
            query=usage.BudgetQuery,
            answer=usage.OwnBudgets,
        ),
        Route(
            method="PUT",
            path="/v1/usage/budget",
            access="admin",
            handler=usage.set_budget,
            summary="Set, change or remove a budget",
            body=usage.SetBudget,
            answer=usage.BudgetItem,
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
            answer=system.Health,
        )
        for path in ("/health", "/v1/health")
    ]
