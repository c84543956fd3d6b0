"""`headgate keys`: virtual keys."""

from typing import Any
from urllib.parse import quote

import click

from headgate.cli.connection import Reply, fetch, fetch_all
from headgate.cli.installation import Session, pass_session
from headgate.cli.options import amount, as_json, connection_options, example
from headgate.cli.output import cell_text, dollars, print_json, print_reply, print_table
from headgate.core.keys import SCOPES

DEFAULT_SCOPES = ("ai:complete", "ai:embed")


@click.group(epilog=example("headgate keys create --name ci --budget 25"))
def keys() -> None:
    """Create, list, revoke and rotate keys."""


@keys.command(
    epilog=example(
        "headgate keys create --name ci --budget 25",
        "headgate keys create --name app --scope ai:complete --rpm 600 --model gpt-4o-mini",
    )
)
@click.option("--name", required=True, help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=DEFAULT_SCOPES,
    show_default=True,
    help="What the key may do; may be repeated.",
)
@click.option(
    "--budget",
    metavar="DOLLARS",
    callback=amount,
    help="The most it may spend a month, in US dollars.",
)
@click.option("--user", help="The user it belongs to.")
@click.option("--workspace", help="The workspace it belongs to.")
@click.option("--rpm", type=click.IntRange(min=1), help="Requests a minute.")
@click.option("--tpm", type=click.IntRange(min=1), help="Tokens a minute.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Requests at once.")
@click.option("--model", "models", multiple=True, help="A model it may use; may be repeated.")
@click.option("--expires-at", help="When it ends, in ISO 8601: 2030-01-01T00:00:00Z.")
@connection_options
@as_json
@pass_session
def create(session: Session, /, as_json: bool, **options: Any) -> None:
    """Create a key; it is shown this once."""
    limits = {
        "requestsPerMinute": options["rpm"],
        "tokensPerMinute": options["tpm"],
        "concurrency": options["concurrency"],
    }
    body = {
        "name": options["name"],
        "scopes": options["scopes"],
        "monthlyBudget": options["budget"],
        "userId": options["user"],
        "workspaceId": options["workspace"],
        "rateLimit": _given(limits) or None,
        "models": options["models"] or None,
        "expiresAt": options["expires_at"],
    }
    reply = session.run(lambda c: fetch(c, "POST", "/v1/auth/keys", _given(body)))
    _print_secret(reply, as_json=as_json)


@keys.command("list", epilog=example("headgate keys list --json"))
@connection_options
@as_json
@pass_session
def list_keys(session: Session, as_json: bool) -> None:
    """List all keys, newest first."""
    found = session.run(lambda c: fetch_all(c, "/v1/auth/keys"))
    if as_json:
        print_json({"data": found})
        return
    columns = ("key", "name", "scopes", "budget", "user", "workspace", "state")
    rows = [
        (
            key["keyId"],
            key["name"],
            key["scopes"],
            dollars(key.get("monthlyBudget")),
            key.get("userId"),
            key.get("workspaceId"),
            _state(key),
        )
        for key in found
    ]
    print_table(columns, rows)


@keys.command(epilog=example("headgate keys revoke sk-proj-a1B2c3D4e5F6"))
@click.argument("key_id")
@connection_options
@as_json
@pass_session
def revoke(session: Session, key_id: str, as_json: bool) -> None:
    """Revoke a key: every process refuses it within a second."""
    reply = session.run(lambda c: fetch(c, "DELETE", _path(key_id)))
    if as_json and reply.body:
        print_reply(reply)
    elif as_json:
        print_json({"keyId": key_id, "revoked": True})
    else:
        click.echo(f"Revoked {key_id}.")


@keys.command(epilog=example("headgate keys rotate sk-proj-a1B2c3D4e5F6 --grace-seconds 3600"))
@click.argument("key_id")
@click.option(
    "--grace-seconds", type=click.IntRange(min=0), help="How long the old secret still works."
)
@connection_options
@as_json
@pass_session
def rotate(session: Session, key_id: str, grace_seconds: int | None, as_json: bool) -> None:
    """Give a key a new secret, which is shown this once."""
    body = _given({"graceSeconds": grace_seconds})
    reply = session.run(lambda c: fetch(c, "POST", f"{_path(key_id)}/rotate", body))
    _print_secret(reply, as_json=as_json)


def _print_secret(reply: Reply, *, as_json: bool) -> None:
    if as_json:
        print_reply(reply)
        return
    key = reply.json
    click.echo(f"Key {cell_text(key['keyId'])}, shown this once:", err=True)
    click.echo(key["apiKey"])


def _path(key_id: str) -> str:
    return f"/v1/auth/keys/{quote(key_id, safe='')}"


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _state(key: dict[str, Any]) -> str:
    if key.get("revokedAt"):
        return "revoked"
    state = f"until {key['expiresAt']}" if key.get("expiresAt") else "active"
    return f"{state}, rotate it" if key.get("rotationDue") else state
