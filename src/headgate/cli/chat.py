"""`headgate complete` and `headgate chat`: talk to a model."""

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click

from headgate.cli.background import BackgroundLoop
from headgate.cli.connection import CommandFailed, Connection, failure, fetch
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import as_json, connection_options, example
from headgate.cli.output import print_reply, printable

_QUIT = ("/quit", "/exit")


@click.command(
    epilog=example(
        'headgate complete "Name three rivers" --model gpt-4o-mini',
        'git diff | headgate complete --system "Write a commit message"',
    )
)
@click.argument("text", required=False)
@click.option("--model", help="The model; else the platform chooses.")
@click.option("--system", help="What the model is told before the text.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The longest answer, in tokens.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@connection_options
@as_json
@pass_session
def complete(session: Session, /, text: str | None, as_json: bool, **options: Any) -> None:
    """Answer TEXT, or standard input where TEXT is missing or `-`."""
    if text is None or text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise click.UsageError("There is no text. Give it as an argument or on standard input.")
    said = [{"role": "user", "content": text}]
    body = request_body(said, options["model"], options["system"], options["max_tokens"])
    if not (options["no_stream"] or as_json):
        session.run(lambda c: answer(c, body))
        return
    reply = session.run(lambda c: fetch(c, "POST", "/v1/complete", body))
    if as_json:
        print_reply(reply)
    else:
        click.echo(shown(reply.json["content"] or ""))


@click.command(epilog=example("headgate chat", "headgate chat gpt-4o-mini --system 'Be brief'"))
@click.argument("model", required=False)
@click.option("--system", help="What the model is told before the conversation.")
@connection_options
@pass_session
def chat(session: Session, model: str | None, system: str | None) -> None:
    """Talk to MODEL, else to the one the platform chooses. /quit ends it."""
    person = sys.stdin.isatty()
    if person:
        import readline  # noqa: F401 - gives the prompt line editing and a history

    history: list[dict[str, str]] = []
    with BackgroundLoop() as loop:
        connection = loop.enter(session.installation.connect(session.target))
        while (line := _next_line(prompt=person)) is not None:
            if not line.strip():
                continue
            if line.strip() in _QUIT:
                return
            said = {"role": "user", "content": line}
            try:
                body = request_body([*history, said], model, system)
                history += [
                    said,
                    {"role": "assistant", "content": loop.run(answer(connection, body))},
                ]
            except KeyboardInterrupt:
                click.echo("\n(stopped)", err=True)
            except CommandFailed as refused:
                # A person can go on from a failed answer; a script must be told by the exit code.
                if not person:
                    raise
                refused.show()


async def answer(connection: Connection, body: dict[str, Any]) -> str:
    """Print an answer as it comes, and give the whole of it.

    Raises:
        CommandFailed: there is no answer, or it broke off.
    """
    parts: list[str] = []
    try:
        async with aclosing(deltas(connection, body)) as pieces:
            async for piece in pieces:
                parts.append(piece)
                click.echo(shown(piece), nl=False)
    finally:
        if parts:
            click.echo()
    return "".join(parts)


async def deltas(connection: Connection, body: dict[str, Any]) -> AsyncGenerator[str, None]:
    """The pieces of an answer.

    Raises:
        CommandFailed: the answer failed or ended without saying that it is whole.
    """
    whole = False
    async with aclosing(_events(connection, body)) as events:
        async for event in events:  # to its end, so that the platform sees no caller leave
            if event["type"] == "delta":
                yield event.get("content") or ""
            elif event["type"] == "error":
                raise failure(event["error"])
            elif event["type"] == "done":
                whole = True
    if not whole:
        raise CommandFailed("The answer broke off. Try again.")


def request_body(
    messages: list[dict[str, str]],
    model: str | None = None,
    system: str | None = None,
    max_tokens: int | None = None,
) -> dict[str, Any]:
    """The body for `/v1/complete` and `/v1/stream`."""
    body: dict[str, Any] = {"messages": messages}
    options = {"model": model, "systemPrompt": system, "maxTokens": max_tokens}
    return body | {name: value for name, value in options.items() if value is not None}


def shown(text: str) -> str:
    """A model's text as it may be printed: a terminal gets no control characters."""
    return printable(text) if sys.stdout.isatty() else text


async def _events(
    connection: Connection, body: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(connection.stream("POST", "/v1/stream", body)) as stream:
        async for payload in stream:
            try:
                event = json.loads(payload)
            except ValueError:
                raise CommandFailed("The server sent an event that is not JSON.") from None
            yield event


def _next_line(*, prompt: bool) -> str | None:
    """The next line of the conversation, or None at its end."""
    if not prompt:
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    try:
        return input("> ")
    except (EOFError, KeyboardInterrupt):
        click.echo()
        return None
