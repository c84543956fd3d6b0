from pathlib import Path

import pytest

from headgate.configuration import Alias, Configuration
from headgate.core.chat import TokenUsage
from headgate.core.prices import Markup
from headgate.strict_toml import SettingsError, read_sections

EXAMPLE = """
[aliases]
fast = "gpt-4o-mini"
best = ["claude-opus-4-5", "gpt-4o"]
quick = { models = ["gpt-4o-mini", "own"], strategy = "fastest" }

[aliases.shared]
models = ["gpt-4o", "azure/gpt-4o"]
strategy = "weighted"
weights = [3, 0.5]

[routing]
timeout_seconds = 2.5
retries = 0

[vendors.groq]
base_url = "https://api.example.com/v1"
api_key_env = "GROQ_API_KEY"
models = ["llama-x"]

[billing]
markup = 0.035

[workspaces.acme]
markup = 0.0
allowed_hosts = ["api.example.com"]

[prices."my-model"]
input = 0.5
output = 1.5

[limits]
requests_per_second = 7

[http]
cors_origins = ["https://example.com"]

[storage]
power_safe = true

[usage]
retention_days = 90
"""


def configured(folder: Path, text: str) -> Configuration:
    path = folder / "headgate.toml"
    path.write_text(text)
    return read_sections(Configuration, path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    configuration = configured(tmp_path, EXAMPLE)
    assert configuration.alias_models == {
        "fast": ("gpt-4o-mini",),
        "best": ("claude-opus-4-5", "gpt-4o"),
        "quick": ("gpt-4o-mini", "own"),
        "shared": ("gpt-4o", "azure/gpt-4o"),
    }
    assert configuration.aliases["quick"] == Alias(
        models=("gpt-4o-mini", "own"), strategy="fastest"
    )
    assert configuration.aliases["shared"] == Alias(
        models=("gpt-4o", "azure/gpt-4o"), strategy="weighted", weights=(3, 0.5)
    )
    assert configuration.routing.timeout_seconds == 2.5
    assert configuration.routing.breaker_failures == 5
    assert configuration.vendors["groq"].models == ("llama-x",)
    assert configuration.workspaces["acme"].allowed_hosts == ("api.example.com",)
    assert configuration.limits.requests_per_second == 7
    assert configuration.limits.burst == 200
    assert configuration.http.cors_origins == ("https://example.com",)
    assert configuration.storage.power_safe
    assert configuration.usage.kept_days == 90


def test_money_is_read_exactly(tmp_path: Path) -> None:
    """0.035 and 0.1 have no exact binary fraction."""
    configuration = configured(tmp_path, EXAMPLE)
    assert configuration.billing.share == Markup(35_000)
    assert configuration.workspaces["acme"].settings.markup == Markup(0)
    price = configuration.prices["my-model"].price
    assert (price.input, price.output, price.cached_input) == (500_000_000, 1_500_000_000, None)
    assert price.cost(TokenUsage(input_tokens=2, output_tokens=1)) == 2_500
    exact = configured(tmp_path, "[prices.m]\ninput = 0.100000001\noutput = 0")
    assert exact.prices["m"].price.input == 100_000_001


def test_two_prices_never_share_a_version(tmp_path: Path) -> None:
    text = "[prices.a]\ninput = 1\noutput = 2\n[prices.b]\ninput = 2\noutput = 1"
    prices = configured(tmp_path, text).prices
    assert prices["a"].price.version != prices["b"].price.version


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert configured(tmp_path, "") == Configuration()
    assert Configuration().billing.share == Markup(20_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[routin]", "unknown key routin; did you mean routing?"),
        ("[routing]\nretrys = 1", r"unknown key routing\.retrys; did you mean retries\?"),
        ("[storage]\nzzz = 1", r"unknown key storage\.zzz; known here: power_safe"),
        ("[prices.m]\ninput = 1", "prices.m needs output"),
        ("[workspaces.acme]\nmarkupp = 1", r"unknown key workspaces\.acme\.markupp"),
        ('[prices."a.b"]\ninputs = 1', r'unknown key prices\."a\.b"\.inputs'),
        ('[routing]\nretries = "1"', "routing.retries: expected `int`, got `str`"),
        ("[routing]\nretries = 99", "routing.retries: expected `int` <= 10"),
        ("routing = 1", r"routing is a section: write \[routing\]"),
        ("[aliases]\nfast = 1", "aliases.fast: expected"),
        ("[aliases]\nfast = []", "aliases.fast: name at least one model"),
        ("[aliases.fast]\nmodels = []", "aliases.fast: name at least one model"),
        ("[aliases.fast]\nmodel = []", r"unknown key aliases\.fast\.model; did you mean models"),
        ('[aliases.fast]\nmodels = ["a"]\nstrategy = "x"', "aliases.fast.strategy: invalid"),
        ('[aliases.fast]\nmodels = ["a"]\nweights = [1]', "aliases.fast: weights need strategy"),
        (
            '[aliases.fast]\nmodels = ["a", "b"]\nstrategy = "weighted"\nweights = [1]',
            "aliases.fast: give each of the models a weight",
        ),
        (
            '[aliases.fast]\nmodels = ["a"]\nstrategy = "weighted"\nweights = [0]',
            "aliases.fast: give each of the models a weight",
        ),
        ("[billing]\nmarkup = -0.1", "billing: a markup of -0.1 is not between"),
        ("[billing]\nmarkup = 0.0000001", "more than six decimals"),
        ("[billing]\nmarkup = nan", "billing: a markup of NaN is not between"),
        ("[prices.m]\ninput = -1\noutput = 1", "prices.m: input = -1 is negative"),
        ("[prices.m]\ninput = 0.0000000001\noutput = 1", "more than nine decimals"),
        ('[vendors.openai]\nbase_url = "https://x.example"', "belongs to a built-in vendor"),
        ('[vendors."a/b"]\nbase_url = "https://x.example"', "small letters"),
        ('[vendors.a]\nbase_url = "x.example"', "vendors.a.base_url: expected `str` matching"),
        ("[routing", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        configured(tmp_path, text)
    assert "headgate.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read"):
        read_sections(Configuration, tmp_path / "gone.toml")


@pytest.mark.parametrize("edition", ["2024-10-21", "2025-04-01-preview"])
def test_an_edition_of_azures_api_is_read(tmp_path: Path, edition: str) -> None:
    read = configured(tmp_path, f'[azure]\napi_version = "{edition}"')
    assert read.azure.api_version == edition


def test_mcp_servers_are_read(tmp_path: Path) -> None:
    read = configured(
        tmp_path,
        """
        [tools.mcp.far]
        url = "https://mcp.example.com/mcp"
        [tools.mcp.near]
        command = ["near", "--fast"]
        """,
    )
    assert read.tools.mcp["far"].url == "https://mcp.example.com/mcp"
    assert read.tools.mcp["near"].command == ("near", "--fast")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[azure]\napi_version = "latest"', "api_version = 'latest'"),
        ("[tools.mcp.a]", "either url or command"),
        ('[tools.mcp.a]\nurl = "https://a.example"\ncommand = ["a"]', "either url or command"),
        ('[tools.mcp.a]\nurl = "ftp://a.example"', "no http or https address"),
        ('[tools.mcp."A b"]\ncommand = ["a"]', "small letters"),
        ('[tools.mcp.a]\ncomand = ["a"]', "did you mean command?"),
    ],
)
def test_what_cannot_be_a_server_or_an_edition_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        configured(tmp_path, text)
    assert said in str(caught.value)
