"""The part of `bootstrap` that joins budget alerts: which channels the settings name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from headgate.bootstrap.aws_identity import aws_credentials
from headgate.bootstrap.embedded_metrics import write_line
from headgate.cli.findings import Finding
from headgate.core.alerts import Notifier, Undelivered
from headgate.core.errors import Overloaded
from headgate.notify.embedded_metrics import MetricNotifier
from headgate.notify.log import LogNotifier
from headgate.notify.ses import SesNotifier
from headgate.notify.slack import SlackNotifier
from headgate.settings import Settings
from headgate.transport.http import HttpClient

if TYPE_CHECKING:
    from headgate.notify.smtp import SmtpNotifier

SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}
DISABLED = "off, since BUDGET_ALERTS_ENABLED is false"
NO_CREDENTIALS = "SES_REGION is set, and no AWS access key and no role is: set AWS_ACCESS_KEY_ID."


class Channels(NamedTuple):
    """Where alerts go.

    Attributes:
        notifiers: by their names; the log where there is nothing else.
        mail: the one of them that can be checked.
        problem: what is set and cannot be used, and what to set.
    """

    notifiers: Mapping[str, Notifier]
    mail: "SmtpNotifier | None" = None
    problem: str | None = None


def channels(settings: Settings, client: HttpClient) -> Channels:
    """The channels that the settings name; none where alerts are switched off."""
    if not settings.budget_alerts_enabled:
        return Channels({})
    notifiers: dict[str, Notifier] = {}
    mail = None
    if settings.slack_webhook_url is not None:
        notifiers["slack"] = SlackNotifier(client, settings.slack_webhook_url.reveal())
    problem = _problem(settings)
    if settings.alert_email and settings.alert_from and problem is None:
        sender, recipients = str(settings.alert_from), settings.alert_email
        if settings.smtp_host is not None:
            notifiers["email"] = mail = _smtp(settings, sender, recipients)
        else:
            try:
                notifiers["email"] = _ses(settings, client, sender, recipients)
            except Overloaded:
                problem = NO_CREDENTIALS
    if settings.embedded_metrics:
        notifiers["cloudwatch"] = MetricNotifier(write_line)
    return Channels(notifiers or {"log": LogNotifier()}, mail, problem)


async def check_alerts(settings: Settings) -> Finding:
    """Where alerts go, and whether the mail server takes our login."""
    client = HttpClient()
    try:
        found = channels(settings, client)
    finally:
        await client.aclose()
    if not found.notifiers:
        return Finding("ok", DISABLED)
    names = ", ".join(found.notifiers)
    if found.problem is not None:
        return Finding("fail", f"{names}; no e-mail", found.problem)
    if found.mail is not None:
        try:
            await found.mail.check()
        except Undelivered as error:
            return Finding("fail", str(error), "Check SMTP_HOST and the other SMTP settings.")
    if "log" in found.notifiers:
        return Finding(
            "ok", "only logged; for messages set SLACK_WEBHOOK_URL, or ALERT_EMAIL and SMTP_HOST"
        )
    return Finding("ok", names)


def _problem(settings: Settings) -> str | None:
    """Why no mail can be sent though somebody is to get it, and what to set."""
    if settings.alert_email is None:
        return None
    has_smtp, has_ses = settings.smtp_host is not None, settings.ses_region is not None
    problems = {
        "no way to send mail is: set SMTP_HOST or SES_REGION": not (has_smtp or has_ses),
        "both SMTP_HOST and SES_REGION are: set one of them": has_smtp and has_ses,
        "no sender is: set ALERT_FROM": settings.alert_from is None,
        "only one of SMTP_USER and SMTP_PASSWORD is: set both or none": (
            (settings.smtp_user is None) != (settings.smtp_password is None)
        ),
    }
    found = next((text for text, is_so in problems.items() if is_so), None)
    return found and f"ALERT_EMAIL is set, and {found}."


def _smtp(settings: Settings, sender: str, recipients: tuple[str, ...]) -> "SmtpNotifier":
    # The client library is loaded only where it is used.
    from headgate.notify.smtp import SmtpNotifier, SmtpServer

    password = settings.smtp_password
    server = SmtpServer(
        settings.smtp_host or "",
        settings.smtp_port or SMTP_PORTS[settings.smtp_tls],
        settings.smtp_tls,
        settings.smtp_user,
        None if password is None else password.reveal(),
    )
    return SmtpNotifier(server, sender, recipients)


def _ses(
    settings: Settings, client: HttpClient, sender: str, recipients: tuple[str, ...]
) -> SesNotifier:
    region = settings.ses_region or ""
    return SesNotifier(
        client,
        settings.ses_endpoint or f"https://email.{region}.amazonaws.com",
        region,
        aws_credentials(settings, client),
        sender,
        recipients,
    )
