"""What agents remember, over HTTP."""

from platform_in_memory import make_key, platform


async def test_a_fact_is_kept_found_corrected_and_forgotten() -> None:
    async with platform() as here:
        body = {"text": "Reports go to Ines.", "expiresAt": "2999-01-01T00:00:00Z"}
        made = await here.call("POST", "/v1/agents/memory", body)
        assert (made.status, made.json["expiresAt"]) == (201, "2999-01-01T00:00:00.000Z")
        path = f"/v1/agents/memory/{made.json['id']}"
        found = await here.call("GET", "/v1/agents/memory", query="query=who+gets+reports")
        assert [fact["id"] for fact in found.json["data"]] == [made.json["id"]]
        assert (await here.call("GET", "/v1/agents/memory", query="query=ships")).json["data"] == []
        changed = await here.call("PUT", path, {"text": "Reports go to Ada."})
        assert changed.json["createdAt"] == made.json["createdAt"]
        listed = (await here.call("GET", "/v1/agents/memory")).json["data"]
        assert [fact["text"] for fact in listed] == ["Reports go to Ada."]
        assert (await here.call("DELETE", path)).json["deleted"] is True
        assert (await here.call("DELETE", path)).status == 404
        assert (await here.call("PUT", path, {"text": "x"})).status == 404


async def test_a_moment_that_is_none_is_refused() -> None:
    async with platform() as here:
        body = {"text": "x", "expiresAt": "soon"}
        assert (await here.call("POST", "/v1/agents/memory", body)).status == 400


async def test_memory_is_nobody_elses() -> None:
    async with platform() as here:
        other = await make_key(here, scopes=["agent:run"])
        await here.call("POST", "/v1/agents/memory", {"text": "x"})
        assert (await here.call("GET", "/v1/agents/memory", key=other)).json["data"] == []


async def test_a_sessions_conversation_is_shown_and_forgotten() -> None:
    async with platform() as here:
        body = {
            "type": "react",
            "model": "sandbox",
            "input": "[[say hello]]",
            "sessionId": "s/1?",
            "waitSeconds": 30,
        }
        run = (await here.call("POST", "/v1/agents/run", body)).json
        assert run["status"] == "succeeded", run
        turns = (await here.call("GET", "/v1/agents/sessions/s%2F1%3F")).json["data"]
        assert [(turn["speaker"], turn["text"]) for turn in turns] == [
            ("user", "[[say hello]]"),
            ("assistant", "hello"),
        ]
        await here.call("DELETE", "/v1/agents/sessions/s%2F1%3F")
        assert (await here.call("GET", "/v1/agents/sessions/s%2F1%3F")).json["data"] == []
