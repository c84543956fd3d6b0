"""Which channels the settings name, and what is said where they do not fit together."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.bootstrap.alerts import NO_CREDENTIALS, channels, check_alerts
from headgate.core.alerts import Notice
from headgate.notify.log import LogNotifier
from headgate.notify.ses import SesNotifier
from headgate.notify.slack import SlackNotifier
from headgate.notify.smtp import SmtpNotifier, SmtpServer
from headgate.settings import Settings
from headgate.transport.http import HttpClient
from receivers import mail_server

SLACK = {"SLACK_WEBHOOK_URL": "https://hooks.example.com/services/s3cret"}
MAIL = {"ALERT_EMAIL": "ada@example.com, ops@example.com", "ALERT_FROM": "alerts@example.com"}
SMTP = {"SMTP_HOST": "mail.example.com", "SMTP_USER": "u", "SMTP_PASSWORD": "p4ss"}
AWS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cret"}
SES = {"SES_REGION": "eu-west-1", **AWS}


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def settings(**environment: str) -> Settings:
    return Settings.load(environment, Path("/nowhere"))


def test_where_nothing_is_set_alerts_are_logged(client: HttpClient) -> None:
    found = channels(settings(), client)
    assert {name: type(each) for name, each in found.notifiers.items()} == {"log": LogNotifier}


def test_where_alerts_are_off_there_is_no_channel(client: HttpClient) -> None:
    found = channels(settings(**SLACK, BUDGET_ALERTS_ENABLED="false"), client)
    assert found.notifiers == {}


def test_slack_and_a_mail_server(client: HttpClient) -> None:
    found = channels(settings(**SLACK, **MAIL, **SMTP), client)
    assert found.problem is None
    assert found.notifiers == {
        "slack": SlackNotifier(client, SLACK["SLACK_WEBHOOK_URL"]),
        "email": SmtpNotifier(
            SmtpServer("mail.example.com", 587, "starttls", "u", "p4ss"),
            "alerts@example.com",
            ("ada@example.com", "ops@example.com"),
        ),
    }


async def test_on_aws_alerts_are_metrics_too(
    client: HttpClient, capsys: pytest.CaptureFixture[str]
) -> None:
    given = settings(**SLACK, HEADGATE_EMBEDDED_METRICS="true")
    found = channels(given, client).notifiers
    assert set(found) == {"slack", "cloudwatch"}
    await found["cloudwatch"].send(Notice("It is spent", (), 1.0))
    assert json.loads(capsys.readouterr().out)["BudgetReachedPercent"] == 100


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({"SMTP_TLS": "tls"}, 465),
        ({"SMTP_TLS": "none"}, 25),
        ({"SMTP_TLS": "none", "SMTP_PORT": "1025"}, 1025),
    ],
)
def test_the_port_follows_from_the_encryption(
    client: HttpClient, environment: dict[str, str], port: int
) -> None:
    mail = channels(settings(**MAIL, **SMTP, **environment), client).mail
    assert mail is not None
    assert mail.server.port == port


async def test_amazon_ses(client: HttpClient) -> None:
    found = channels(settings(**MAIL, **SES), client)
    (ses,) = found.notifiers.values()
    assert isinstance(ses, SesNotifier)
    assert (ses.endpoint, ses.region) == ("https://email.eu-west-1.amazonaws.com", "eu-west-1")
    assert (await ses.credentials.current()).access_key_id == "AKID"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (MAIL, "set SMTP_HOST or SES_REGION"),
        ({"ALERT_EMAIL": "a@b.c", "SMTP_HOST": "mail"}, "set ALERT_FROM"),
        (MAIL | SMTP | SES, "set one of them"),
        (MAIL | {"SMTP_HOST": "mail", "SMTP_USER": "u"}, "set both or none"),
        (
            MAIL | {"SES_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"},
            NO_CREDENTIALS,
        ),
    ],
)
async def test_mail_that_cannot_be_sent_is_a_problem_and_no_channel(
    client: HttpClient,
    environment: dict[str, str],
    words: str,
) -> None:
    wrong = settings(**SLACK, **environment)
    found = channels(wrong, client)
    assert list(found.notifiers) == ["slack"]
    assert words in str(found.problem)
    finding = await check_alerts(wrong)
    assert (finding.status, finding.remedy) == ("fail", found.problem)
    assert "s3cret" not in f"{found} {finding}"


async def test_the_doctor_names_the_channels() -> None:
    assert (await check_alerts(settings())).message.startswith("only logged")
    assert (await check_alerts(settings(**SLACK))).message == "slack"
    assert (await check_alerts(settings(**SLACK, **MAIL, **SES))).message == "slack, email"
    off = await check_alerts(settings(**SLACK, BUDGET_ALERTS_ENABLED="false"))
    assert (off.status, "BUDGET_ALERTS_ENABLED" in off.message) == ("ok", True)


async def test_the_doctor_asks_the_mail_server() -> None:
    async with mail_server() as server:
        there = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_TLS": "none"}
        assert (await check_alerts(settings(**MAIL, **there))).status == "ok"
    finding = await check_alerts(settings(**MAIL, **there))
    assert (finding.status, "SMTP_HOST" in str(finding.remedy)) == ("fail", True)
    assert server.mails == []


async def test_the_mail_library_is_loaded_only_where_it_is_used() -> None:
    code = (
        "import sys, headgate.bootstrap.platform; "
        "sys.exit('aiosmtplib' in sys.modules or 'redis' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
