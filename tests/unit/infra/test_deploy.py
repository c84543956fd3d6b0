"""What `headgate deploy` and `destroy` do in which order, and say where one step fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

import deploy
from account import Account, AccountRefused, Identity
from deploy import Deploying, NotReady, own_secrets
from headgate.aws.secret_names import VARIABLES
from headgate.settings import Settings
from headgate.stores.dynamodb.schema import TABLES
from served import NotServed, Served
from toolkit import STACKS, ToolFailed, Toolkit

IDENTITY = Identity("111111111111", "eu-central-1", "arn:aws:iam::111111111111:user/ada")
OUTPUTS = {
    "AIGatewayStack": {
        "APIEndpoint": "https://api.example/prod/",
        "WebSocketEndpoint": "wss://sockets.example/prod",
    }
}


class FakeAccount:
    """An account in memory; `done` is what was changed."""

    def __init__(self, done: list[str]) -> None:
        self.done = done
        self.kept: dict[str, str] = {}
        self.deployed: dict[str, Mapping[str, str]] = {}
        self.there: list[str] = []
        self.bootstrapped = False
        self.refusal: AccountRefused | None = None

    def identity(self) -> Identity:
        if self.refusal is not None:
            raise self.refusal
        return IDENTITY

    def is_bootstrapped(self) -> bool:
        return self.bootstrapped

    def parameters(self, names: Sequence[str]) -> Mapping[str, str]:
        return {name: self.kept[name] for name in names if name in self.kept}

    def keep_secret(self, name: str, value: str) -> bool:
        is_new = name not in self.kept
        self.kept.setdefault(name, value)
        return is_new

    def stacks(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        return {name: self.deployed[name] for name in names if name in self.deployed}

    def tables(self, names: Sequence[str]) -> list[str]:
        return self.there

    def unprotect_database(self, name: str) -> None:
        self.done.append(f"unprotect {name}")

    def delete_stack(self, name: str) -> None:
        if name == "AIAgentsStack" and self.refusal is not None:
            raise self.refusal
        self.done.append(f"delete {name}")
        del self.deployed[name]


class FakeToolkit:
    def __init__(self, account: FakeAccount, done: list[str]) -> None:
        self._account = account
        self._done = done
        self.fails_at = ""

    def install(self) -> None:
        self._do("install")

    def bundle(self) -> None:
        self._do("bundle")

    def bootstrap(self, account: str, region: str) -> None:
        self._do(f"bootstrap {account} {region}")
        self._account.bootstrapped = True

    def deploy(self, switches: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        self._do(f"stacks {dict(switches)}")
        self._account.deployed |= {name: OUTPUTS.get(name, {}) for name in STACKS}
        self._account.there = [table.name for table in TABLES]
        return OUTPUTS

    def _do(self, what: str) -> None:
        if self.fails_at and what.startswith(self.fails_at):
            raise ToolFailed(f"{what} ended with exit code 1; it says above why")
        self._done.append(what)


class FakeServed:
    def __init__(self, done: list[str]) -> None:
        self._done = done
        self.failure: NotServed | None = None

    def migrate(self, account: Account, identity: Identity, parameters: str) -> None:
        self._done.append("migrate")

    def ask(self, endpoint: str, api_key: str) -> str:
        if self.failure is not None:
            raise self.failure
        self._done.append(f"ask {endpoint}")
        return "1.2.3"


class Bench:
    """Someone who deploys, and what came of it."""

    def __init__(self, **secrets: str) -> None:
        self.done: list[str] = []
        self.said: list[str] = []
        self.account = FakeAccount(self.done)
        self.toolkit = FakeToolkit(self.account, self.done)
        self.served = FakeServed(self.done)
        self.agrees = True
        self.has_docker = True
        self._secrets = {name.replace("_", "-"): value for name, value in secrets.items()}

    def deploy(self, **switches: str) -> None:
        self._deploying().deploy(switches)

    def destroy(self) -> None:
        self._deploying().destroy()

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def _deploying(self) -> Deploying:
        return Deploying(
            lambda: cast("Account", self.account),
            cast("Toolkit", self.toolkit),
            cast("Served", self.served),
            self._secrets,
            self.said.append,
            self._confirm,
            has_docker=lambda: self.has_docker,
        )

    def _confirm(self, question: str) -> bool:
        self.said.append(question)
        return self.agrees


def test_the_first_time_everything_is_made_and_told() -> None:
    bench = Bench(openai_api_key="sk-of-openai")
    bench.deploy(egress="nat")
    assert bench.done == [
        "install",
        "bundle",
        "bootstrap 111111111111 eu-central-1",
        "stacks {'egress': 'nat', 'region': 'eu-central-1'}",
        "migrate",
        "ask https://api.example/prod/",
    ]
    kept = bench.account.kept
    assert kept["/ai-platform/openai-api-key"] == "sk-of-openai"
    assert len(kept["/ai-platform/jwt-secret-key"]) == 64
    assert kept["/ai-platform/jwt-secret-key"] != kept["/ai-platform/encryption-salt"]
    assert f"\n  {kept['/ai-platform/admin-key']}\n" in bench.text
    assert "https://api.example/prod/" in bench.text
    assert "wss://sockets.example/prod" in bench.text
    assert "Headgate 1.2.3 answers" in bench.text
    # The secrets that are told nobody are in no line.
    assert "sk-of-openai" not in bench.text
    assert kept["/ai-platform/jwt-secret-key"] not in bench.text


def test_a_second_time_changes_nothing_and_shows_no_key() -> None:
    bench = Bench()
    bench.deploy()
    kept = dict(bench.account.kept)
    del bench.done[:], bench.said[:]
    bench.deploy()
    assert bench.account.kept == kept
    assert not [what for what in bench.done if what.startswith("bootstrap")]
    assert kept["/ai-platform/admin-key"] not in bench.text
    assert "the one in /ai-platform/admin-key" in bench.text


def test_what_was_given_is_used_and_not_made() -> None:
    bench = Bench(admin_key="sk-proj-mine-0123456789", redis_url="redis://127.0.0.1:6379/0")
    bench.deploy(bundle=__file__, image="registry.example/headgate:1")
    assert "bundle" not in bench.done
    assert bench.account.kept["/ai-platform/admin-key"] == "sk-proj-mine-0123456789"
    # A Redis of this machine is none that AWS reaches.
    assert "/ai-platform/redis-url" not in bench.account.kept


def test_the_question_names_account_region_and_price() -> None:
    bench = Bench()
    bench.agrees = False
    with pytest.raises(NotReady, match="nothing was deployed"):
        bench.deploy(provisioned="0")
    assert "account 111111111111 in eu-central-1, for about $33 a month" in bench.text
    assert bench.done == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"bundle": "/nowhere.zip"}, "Make it with `make bundle`"),
        ({"docker": ""}, "Install Docker"),
        ({"tables": "ai-platform-usage"}, "ai-platform-usage are left of an earlier deployment"),
    ],
)
def test_what_is_not_ready_is_said_before_anything_is_changed(
    broken: dict[str, str], message: str
) -> None:
    bench = Bench()
    bench.has_docker = "docker" not in broken
    bench.account.there = [broken["tables"]] if "tables" in broken else []
    with pytest.raises(NotReady, match="see above"):
        bench.deploy(**{name: value for name, value in broken.items() if name == "bundle"})
    assert message in bench.text
    assert bench.done == []
    assert bench.account.kept == {}


def test_an_image_that_was_pushed_needs_no_docker() -> None:
    bench = Bench()
    bench.has_docker = False
    bench.deploy(image="registry.example/headgate:1")
    assert "migrate" in bench.done


@pytest.mark.parametrize("step", ["install", "bundle", "bootstrap", "stacks"])
def test_a_step_that_fails_ends_it_and_the_next_time_goes_on(step: str) -> None:
    bench = Bench()
    bench.toolkit.fails_at = step
    with pytest.raises(ToolFailed, match=f"{step}.* exit code 1"):
        bench.deploy()
    assert "migrate" not in bench.done
    key = bench.account.kept.get("/ai-platform/admin-key")
    bench.toolkit.fails_at = ""
    bench.deploy()
    assert bench.done[-1] == "ask https://api.example/prod/"
    assert key in {None, bench.account.kept["/ai-platform/admin-key"]}


def test_without_credentials_nothing_is_begun() -> None:
    bench = Bench()
    bench.account.refusal = AccountRefused("There are no AWS credentials")
    with pytest.raises(AccountRefused):
        bench.deploy()
    assert (bench.done, bench.said) == ([], [])


def test_an_interface_that_does_not_answer_is_no_success() -> None:
    bench = Bench()
    bench.served.failure = NotServed("it does not work")
    with pytest.raises(NotServed):
        bench.deploy()
    assert "Endpoint" not in bench.text


def test_stacks_are_deleted_last_first_and_what_is_kept_is_named() -> None:
    bench = Bench()
    bench.deploy()
    del bench.done[:], bench.said[:]
    bench.destroy()
    assert bench.done == [
        "unprotect ai-platform-engine",
        *(f"delete {name}" for name in reversed(STACKS)),
    ]
    for kept in (*(table.name for table in TABLES), "snapshot", "/ai-platform", "the key that"):
        assert kept in bench.text
    del bench.said[:]
    bench.destroy()
    assert bench.text == "Nothing is deployed in account 111111111111 in eu-central-1."


def test_nothing_is_deleted_without_a_yes() -> None:
    bench = Bench()
    bench.deploy()
    del bench.done[:]
    bench.agrees = False
    with pytest.raises(NotReady, match="nothing was deleted"):
        bench.destroy()
    assert bench.done == []


def test_a_stack_that_stays_is_tried_again_the_next_time() -> None:
    bench = Bench()
    bench.deploy()
    del bench.done[:]
    account = bench.account

    class Stays(FakeAccount):
        def delete_stack(self, name: str) -> None:
            if name == "AIAgentsStack":
                raise AccountRefused("AIAgentsStack could not be deleted")
            super().delete_stack(name)

    bench.account = Stays(bench.done)
    bench.account.deployed = account.deployed
    with pytest.raises(AccountRefused):
        bench.destroy()
    assert set(bench.account.deployed) == {"AISecurityStack", "AIToolsStack", "AIAgentsStack"}
    bench.account = account
    bench.destroy()
    assert account.deployed == {}


def test_the_secrets_of_the_settings_have_the_names_of_their_parameters() -> None:
    given = {variable: f"the-value-of-{variable}" for variable in VARIABLES.values()}
    given["SLACK_WEBHOOK_URL"] = "https://hooks.example/T0/B0"
    settings = Settings.load(given, cwd=Path("/nowhere"))
    assert own_secrets(settings) == {name: given[variable] for name, variable in VARIABLES.items()}
    assert own_secrets(Settings.load({}, cwd=Path("/nowhere"))) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["deploy", "-c", "provisoned=0"], "did you mean provisioned?"),
        (["deploy", "-c", "provisioned=none"], "give a whole number"),
        (["deploy", "-c", "region=eu-west-1"], "AWS_REGION"),
        (["deploy", "-c", "image"], "no NAME=VALUE"),
        (["undeploy"], "invalid choice"),
    ],
)
def test_wrong_use_is_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AWS_REGION": ""}, "There is no region: set AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": ""}, "There are no AWS credentials"),
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS does not answer"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
)
def test_an_environment_that_does_not_do_is_a_sentence_and_exit_code_1(
    environment: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fine = {
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_MAX_ATTEMPTS": "1",
        # Whatever happens, AWS itself is not asked.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (fine | environment).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    assert deploy.main(["deploy", "--yes"]) == 1
    assert message in capsys.readouterr().err


def test_whoever_says_no_has_ended_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Account, "at_hand", interrupted)
    assert deploy.main(["destroy"]) == 1
    assert "What AWS has begun" in capsys.readouterr().err
