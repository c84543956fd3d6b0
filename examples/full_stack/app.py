"""A web application on Headgate: a page with a chat, and a server that keeps the key to itself.

The browser never sees a key of the platform. The server has one with a budget for the whole
application, and tags each call with the visitor, so that the ledger knows who spent what.
"""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from headgate_sdk import AsyncHeadgate, BudgetExceededError, Delta, HeadgateError

PAGE = Path(__file__).with_name("page.html")
MODEL = os.environ.get("MODEL", "auto")
VISITOR = "visitor"
LONGEST = 4_000

client = AsyncHeadgate()


async def page(request: Request) -> Response:
    """The chat's page; a visitor keeps a name for a day."""
    answer = FileResponse(PAGE)
    if VISITOR not in request.cookies:
        name = f"visitor-{secrets.token_hex(4)}"
        answer.set_cookie(VISITOR, name, max_age=86_400, httponly=True, samesite="strict")
    return answer


async def chat(request: Request) -> Response:
    """A visitor's question, answered as text that comes piece by piece."""
    question = (await request.body()).decode(errors="replace").strip()
    if not question or len(question) > LONGEST:
        return PlainTextResponse(f"Ask in 1 to {LONGEST} characters.", status_code=400)
    visitor = request.cookies.get(VISITOR, "visitor-unknown")
    return StreamingResponse(answer(question, visitor), media_type="text/plain; charset=utf-8")


async def answer(question: str, visitor: str) -> AsyncIterator[str]:
    """The pieces of the answer; leaving early stops the call at the vendor."""
    try:
        async with client.stream(question, model=MODEL, tags=[visitor]) as stream:
            async for event in stream:
                if isinstance(event, Delta):
                    yield event.content
    except BudgetExceededError:
        yield "The budget of this application is spent for this month."
    except HeadgateError as error:
        yield f"There is no answer: {error.message}"


app = Starlette(routes=[Route("/", page), Route("/chat", chat, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ.get("PORT", "8090")), log_level="warning"
    )
