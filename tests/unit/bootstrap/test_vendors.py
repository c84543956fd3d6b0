"""Which vendors the settings name, and what `auto` may pick of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.bootstrap.vendors import Vendors, check_vendors, default_embedding_model, vendors_of
from headgate.settings import Settings
from headgate.transport.http import HttpClient

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def settings(data: Path, **env: str) -> Settings:
    return Settings.load({"HEADGATE_DATA": str(data), "OLLAMA_BASE_URL": NOWHERE, **env}, data)


def vendors(client: HttpClient, data: Path, **env: str) -> Vendors:
    return vendors_of(settings(data, **env), client)


async def test_without_keys_there_are_the_built_in_models_and_ollama(
    client: HttpClient, tmp_path: Path
) -> None:
    found = vendors(client, tmp_path)
    assert list(found.providers) == ["sandbox", "local", "ollama"]
    assert found.remote == {}
    assert found.auto() == ["local/local"]


async def test_vendors_without_a_key_are_there_for_users_who_bring_one(
    client: HttpClient, tmp_path: Path
) -> None:
    found = vendors(client, tmp_path, ANTHROPIC_API_KEY="sk-ant-test")
    assert set(found.keyless) == {"openai", "gemini", "cohere"}
    assert set(found.remote) == {"anthropic"}
    for name, model in (
        ("openai", "gpt-4o-mini"),
        ("gemini", "gemini-2.5-pro"),
        ("cohere", "command-r-08-2024"),
    ):
        assert found.keyless[name].serves(model)
        assert found.prices.price(name, model) is not None
    assert {model.partition("/")[0] for model in found.auto()} == {"anthropic"}
    brought = found.auto(frozenset({"openai"}))
    assert {model.partition("/")[0] for model in brought} == {"anthropic", "openai"}
    alone = vendors(client, tmp_path)
    assert alone.auto(frozenset({"openai"}))[0] == "openai/gpt-4.1-nano"


async def test_auto_picks_the_cheapest_everyday_model_and_never_the_sandbox(
    client: HttpClient, tmp_path: Path
) -> None:
    found = vendors(client, tmp_path, OPENAI_API_KEY="sk-test")
    prices = [found.prices.price(*model.split("/")) for model in found.auto()]
    costs = [price.input + price.output for price in prices if price]
    assert costs == sorted(costs)
    assert len(costs) == len(prices) > 1
    assert {model.partition("/")[0] for model in found.auto()} == {"openai"}


@pytest.mark.parametrize(
    "setting", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "COHERE_API_KEY"]
)
async def test_auto_knows_of_each_model_how_good_it_is_and_may_pick_a_large_one(
    client: HttpClient, tmp_path: Path, setting: str
) -> None:
    found = vendors(client, tmp_path, **{setting: "sk-test"})
    tiers = {found.profile(*model.split("/")).tier for model in found.auto()}
    assert None not in tiers
    assert {"large"} < tiers


async def test_a_server_in_the_companys_own_network_costs_nothing(
    client: HttpClient, tmp_path: Path
) -> None:
    rows = "".join(
        f'[vendors.{name}]\nbase_url = "{url}"\nmodels = ["m"]\n'
        for name, url in (
            ("by_address", "http://10.0.0.7/v1"),
            ("by_name", "http://models/v1"),
            ("internal", "https://models.internal/v1"),
            ("elsewhere", "https://models.example/v1"),
        )
    )
    (tmp_path / "headgate.toml").write_text(rows)
    prices = vendors(client, tmp_path).prices
    for name in ("by_address", "by_name", "internal"):
        price = prices.price(name, "m")
        assert price is not None
        assert price.is_free
    assert prices.price("elsewhere", "m") is None


async def test_a_vendor_does_not_take_a_model_that_another_one_says_it_has(
    client: HttpClient, tmp_path: Path
) -> None:
    (tmp_path / "headgate.toml").write_text(
        '[vendors.own]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["gpt-4o-2099"]\n'
        '[prices."gpt-4o-2099"]\ninput = 1\noutput = 1\n'
    )
    found = vendors(client, tmp_path, OPENAI_API_KEY="sk-test")
    assert not found.providers["openai"].serves("gpt-4o-2099")
    assert found.providers["own"].serves("gpt-4o-2099")
    assert found.providers["openai"].serves("gpt-4o-2024-08-06")


async def test_anthropics_models_are_anthropics_whatever_their_edition(
    client: HttpClient, tmp_path: Path
) -> None:
    """A price that a correction gives to a name makes it no other vendor's."""
    (tmp_path / "headgate.toml").write_text(
        '[prices."claude-haiku-4-5-20251001"]\ninput = 1\noutput = 5\n'
        '[prices."made-up"]\ninput = 1\noutput = 5\n'
    )
    both = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test"}
    found = vendors(client, tmp_path, **both)
    openai, anthropic = found.providers["openai"], found.providers["anthropic"]
    for model in ("claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-opus-4-5"):
        assert anthropic.serves(model)
        assert not openai.serves(model)
    assert not anthropic.serves("made-up")
    assert not anthropic.serves("claude-without-a-price")
    assert {"anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"} <= set(found.auto())


async def test_azure_serves_openais_models_where_there_is_no_openai(
    client: HttpClient, tmp_path: Path
) -> None:
    azure = {"AZURE_OPENAI_ENDPOINT": NOWHERE, "AZURE_OPENAI_API_KEY": "key"}
    alone = vendors(client, tmp_path, **azure)
    assert alone.providers["azure"].serves("gpt-4o-2024-08-06")
    assert alone.prices.price("azure", "gpt-4o") is not None
    assert alone.auto()[0].startswith("azure/")
    both = vendors(client, tmp_path, OPENAI_API_KEY="sk-test", **azure)
    assert both.providers["openai"].serves("gpt-4o-2024-08-06")
    assert not both.providers["azure"].serves("gpt-4o-2024-08-06")
    assert {name.partition("/")[0] for name in both.auto()} == {"openai"}


async def test_the_configuration_says_which_deployments_there_are(
    client: HttpClient, tmp_path: Path
) -> None:
    (tmp_path / "headgate.toml").write_text('[azure.deployments]\n"gpt-4o" = "our-chat"\n')
    found = vendors(client, tmp_path, AZURE_OPENAI_ENDPOINT=NOWHERE)
    assert found.providers["azure"].models() == ["gpt-4o"]
    assert not found.providers["azure"].serves("gpt-4o-mini")
    assert found.auto() == ["azure/gpt-4o"]


async def test_googles_other_models_are_not_geminis(client: HttpClient, tmp_path: Path) -> None:
    """Its cloud sells other vendors' models, which Gemini's API does not have."""
    both = {"GEMINI_API_KEY": "AIza-test", "ANTHROPIC_API_KEY": "sk-ant-test"}
    found = vendors(client, tmp_path, **both)
    gemini = found.providers["gemini"]
    for model in ("gemini-2.5-pro", "gemini-embedding-001", "gemini-flash-latest"):
        assert gemini.serves(model)
    for model in ("claude-haiku-4-5", "gemini-without-a-price"):
        assert not gemini.serves(model)
    assert not any(model.startswith("claude") for model in gemini.models())
    assert "gemini/gemini-3.1-flash-lite" in found.auto()


async def test_coheres_models_are_coheres(client: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(
        '[prices."command-a-reasoning-08-2025"]\ninput = 1\noutput = 5\n'
    )
    found = vendors(client, tmp_path, COHERE_API_KEY="test")
    cohere = found.providers["cohere"]
    for model in ("command-a-03-2025", "embed-v4.0", "command-a-reasoning-08-2025"):
        assert cohere.serves(model)
    for model in ("command-without-a-price", "embed-english-v3.0", "gpt-4o"):
        assert not cohere.serves(model)
    assert found.auto()[0] == "cohere/command-r7b-12-2024"
    assert all(found.prices.price("cohere", model) for model in cohere.models())


def test_texts_are_embedded_by_a_vendor_that_embeds_or_here(tmp_path: Path) -> None:
    assert default_embedding_model(settings(tmp_path)) == "local/local"
    with_azure = settings(tmp_path, AZURE_OPENAI_ENDPOINT=NOWHERE)
    assert default_embedding_model(with_azure).startswith("azure/text-embedding")
    with_openai = settings(tmp_path, OPENAI_API_KEY="sk-test")
    assert default_embedding_model(with_openai).startswith("openai/text-embedding")


async def test_the_doctor_names_each_vendor_that_does_not_answer(tmp_path: Path) -> None:
    wrong = settings(tmp_path, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL=f"{NOWHERE}/v1")
    finding = await check_vendors(wrong)
    assert (finding.status, "openai: " in finding.message) == ("fail", True)
    other = settings(tmp_path, ANTHROPIC_API_KEY="sk-ant-x", ANTHROPIC_BASE_URL=NOWHERE)
    assert "anthropic: " in (await check_vendors(other)).message
    third = settings(tmp_path, AZURE_OPENAI_ENDPOINT=NOWHERE, AZURE_OPENAI_API_KEY="k-x")
    assert "azure: " in (await check_vendors(third)).message
    google = settings(tmp_path, GEMINI_API_KEY="AIza-x", GEMINI_BASE_URL=NOWHERE)
    assert "gemini: " in (await check_vendors(google)).message
    cohere = settings(tmp_path, COHERE_API_KEY="x", COHERE_BASE_URL=NOWHERE)
    assert "cohere: " in (await check_vendors(cohere)).message
    assert "sk-x" not in f"{finding}"
    assert (await check_vendors(settings(tmp_path))).status == "warn"
