import json
from pathlib import Path

import pytest

import peers


@pytest.mark.parametrize("name", list(peers.PEERS))
def test_a_contender_gets_a_bare_environment(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-owners")
    peer = peers.PEERS[name](4000, "http://127.0.0.1:5000/v1", tmp_path)
    assert not {"HTTPS_PROXY", "ANTHROPIC_API_KEY"} & set(peer.environment)
    assert peer.environment["HOME"] == str(tmp_path)


def test_headgate_keeps_its_data_in_the_runs_own_directory(tmp_path: Path) -> None:
    peer = peers.headgate(4000, "http://127.0.0.1:5000/v1", tmp_path)
    assert peer.command[peer.command.index("--data") + 1].startswith(str(tmp_path))
    assert peer.environment["OPENAI_BASE_URL"] == "http://127.0.0.1:5000/v1"
    assert peer.recorded is not None


def test_litellm_has_one_worker_in_front_of_the_same_upstream(tmp_path: Path) -> None:
    peer = peers.litellm(4000, "http://127.0.0.1:5000/v1", tmp_path)
    assert peer.command[peer.command.index("--num_workers") + 1] == "1"
    configuration = json.loads(Path(peer.command[2]).read_text())
    (model,) = configuration["model_list"]
    assert model["litellm_params"]["api_base"] == "http://127.0.0.1:5000/v1"
    secret = configuration["general_settings"]["master_key"]
    assert peer.sign_in()["authorization"] == f"Bearer {secret}"


def test_portkey_is_told_with_each_call_that_the_upstream_is_the_vendor(tmp_path: Path) -> None:
    peer = peers.portkey(4000, "http://127.0.0.1:5000/v1", tmp_path)
    assert peer.command[-1] == "--port=4000"
    headers = peer.sign_in()
    assert headers["x-portkey-provider"] == "openai"
    assert headers["x-portkey-custom-host"] == "http://127.0.0.1:5000/v1"


def test_a_contender_that_does_not_answer_is_named() -> None:
    with pytest.raises(peers.Refused, match=r"127\.0\.0\.1:1/ did not answer"):
        peers.fetch("http://127.0.0.1:1/", {}, None)
