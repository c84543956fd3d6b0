"""Routes to what agents remember."""

from headgate.http import agent_memory
from headgate.http.routes import Route

_FACT = "/v1/agents/memory/{id}"
_SESSION = "/v1/agents/sessions/{id}"
_WHOSE = "That of the key's user, or of the key where it has none; nobody else's."


def agent_memory_routes() -> list[Route]:
    """Facts, and the conversations of sessions."""
    return [
        Route(
            method="GET",
            path="/v1/agents/memory",
            access="agent:run",
            handler=agent_memory.facts,
            summary="What agents know of a person",
            description=f"{_WHOSE} With a `query`, what fits it best.",
            query=agent_memory.FactsQuery,
            answer=agent_memory.FactList,
        ),
        Route(
            method="POST",
            path="/v1/agents/memory",
            access="agent:run",
            handler=agent_memory.keep,
            summary="Have agents know something",
            description="Runs with a `sessionId` read what fits their input.",
            body=agent_memory.FactBody,
            answer=agent_memory.FactItem,
            status=201,
        ),
        Route(
            method="PUT",
            path=_FACT,
            access="agent:run",
            handler=agent_memory.change,
            summary="Correct what agents know",
            description=_WHOSE,
            body=agent_memory.FactBody,
            answer=agent_memory.FactItem,
        ),
        Route(
            method="DELETE",
            path=_FACT,
            access="agent:run",
            handler=agent_memory.forget,
            summary="Have agents forget something",
            description=_WHOSE,
            answer=agent_memory.Forgotten,
        ),
        Route(
            method="GET",
            path=_SESSION,
            access="agent:run",
            handler=agent_memory.conversation,
            summary="What was said in a session",
            description=f"{_WHOSE} Empty where there is no such session.",
            answer=agent_memory.TurnList,
        ),
        Route(
            method="DELETE",
            path=_SESSION,
            access="agent:run",
            handler=agent_memory.end,
            summary="Have agents forget a session",
            description="What they have learnt in it stays.",
            answer=agent_memory.Forgotten,
        ),
    ]
