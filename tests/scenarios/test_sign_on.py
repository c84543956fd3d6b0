"""Single sign-on over real HTTP, with an identity provider that others have written."""

import contextlib
from pathlib import Path
from urllib.parse import urljoin

import httpx2

from free_ports import held_port
from headgate_server import Command, eventually, http_client
from oidc_server import oidc_server


async def signed_in(client: httpx2.AsyncClient, subject: str) -> httpx2.Response:
    """The answer to the browser that comes back, once somebody has signed in there."""
    begun = await client.get("/v1/session/sign-on")
    assert begun.status_code == 302, begun.text
    form = begun.headers["location"]
    assert (await client.get(form)).status_code == 200
    back = await client.post(form, data={"sub": subject})
    assert back.status_code == 302, back.text
    return await client.get(urljoin(form, back.headers["location"]))


async def output_of_a_run(browser: httpx2.AsyncClient, page: dict[str, str]) -> object:
    """What comes of a run that somebody starts from their session."""
    order = {"type": "react", "model": "sandbox", "input": "Hi"}
    begun = await browser.post("/v1/agents/run", json=order, headers=page)
    assert begun.status_code == 202, begun.text

    async def run() -> dict[str, object]:
        found = await browser.get(f"/v1/agents/runs/{begun.json()['runId']}")
        return dict(found.json())

    ended = await eventually(run, lambda found: found["finishedAt"] is not None)
    return ended["output"]


async def test_people_sign_in_with_the_role_of_their_groups(tmp_path: Path) -> None:
    """Administrators of the platform and of a workspace, a viewer, and who may not come in."""
    async with contextlib.AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(oidc_server())
        port = stack.enter_context(held_port())
        (tmp_path / "headgate.toml").write_text(
            f'[sign_on]\nissuer = "{issuer}"\nclient_id = "headgate"\n'
            f'public_url = "http://127.0.0.1:{port}"\n'
            'admin_groups = ["ops"]\nviewer_groups = ["staff"]\n'
            '[workspaces.acme]\nadmin_groups = ["leads"]\n'
        )
        platform = Command(
            *("serve", "--port", str(port), "--data", str(tmp_path / "data")),
            directory=tmp_path,
            environment={
                "HEADGATE_CONFIG": str(tmp_path / "headgate.toml"),
                "OIDC_CLIENT_SECRET": "the provider takes any",
            },
        )
        try:
            budget = {"scope": "user", "id": "ada", "monthlyBudget": 5}
            page = {"origin": platform.url}
            for subject, status in (("ada", 200), ("bob", 403), ("lea", 403)):
                async with http_client(platform.url) as browser:
                    answer = await signed_in(browser, subject)
                    assert answer.status_code == 302, answer.text
                    assert answer.headers["location"] == "/dashboard"
                    who = (await browser.get("/v1/session")).json()["session"]
                    assert who["userId"] == f"{subject}@example.com"
                    assert (await browser.get("/v1/auth/keys")).status_code == 200
                    changed = await browser.put("/v1/usage/budget", json=budget, headers=page)
                    assert changed.status_code == status
            async with http_client(platform.url) as browser:
                await signed_in(browser, "lea")
                assert await output_of_a_run(browser, page) == {"text": "You said: Hi"}
                (own,) = (await browser.get("/v1/auth/keys")).json()["data"]
                assert (own["userId"], own["workspaceId"]) == ("lea@example.com", "acme")
            async with http_client(platform.url) as browser:
                refused = await signed_in(browser, "eve")
                assert refused.status_code == 403
                assert "eve@example.com is in no group" in refused.text
                assert (await browser.get("/v1/session")).json()["session"] is None
        finally:
            platform.stop()
