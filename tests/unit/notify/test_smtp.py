"""Mail, handed over to a real mail server."""

import asyncio
import logging

import pytest

from headgate.core.alerts import Notice, Undelivered
from headgate.notify.smtp import Encryption, SmtpNotifier, SmtpServer, message_of
from receivers import PASSWORD, USER, mail_server, trusting

NOTICE = Notice("Über 80 % of the budget of key k", (("Spent", "$8 of $10"), ("Limit", "hard")))
SENDER = "alerts@example.com"
RECIPIENTS = ("ada@example.com", "ops@example.com")


def notifier(
    port: int,
    encryption: Encryption = "none",
    *,
    user: str | None = None,
    password: str = PASSWORD,
    host: str = "localhost",
) -> SmtpNotifier:
    login = (user, None if user is None else password)
    server = SmtpServer(host, port, encryption, *login, tls=trusting())
    return SmtpNotifier(server, SENDER, RECIPIENTS)


async def test_a_message_arrives_as_plain_text_for_all() -> None:
    async with mail_server() as server:
        await notifier(server.port).send(NOTICE)
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == (SENDER, list(RECIPIENTS))
    message = mail.message
    assert message["Subject"] == NOTICE.title
    assert (message["From"], message["To"]) == (SENDER, ", ".join(RECIPIENTS))
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == [
        *(NOTICE.title, "", "Spent: $8 of $10", "Limit: hard")
    ]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"].datetime is not None


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_it_is_encrypted_and_logs_in(encryption: Encryption) -> None:
    async with mail_server(encryption=encryption, login=True) as server:
        await notifier(server.port, encryption, user=USER).send(NOTICE)
        await notifier(server.port, encryption, user=USER).check()
    assert server.logins == [USER, USER]
    assert len(server.mails) == 1


async def test_nothing_is_said_in_the_clear_to_a_server_without_encryption() -> None:
    async with mail_server(login=False) as server:
        with pytest.raises(Undelivered, match="does not offer the encryption"):
            await notifier(server.port, "starttls", user=USER).send(NOTICE)
    assert (server.logins, server.mails) == ([], [])


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_server_that_is_not_who_it_should_be_gets_nothing(encryption: Encryption) -> None:
    async with mail_server(encryption=encryption, login=True) as server:
        strict = SmtpServer("localhost", server.port, encryption, USER, PASSWORD)
        with pytest.raises(Undelivered, match="no encryption that can be trusted"):
            await SmtpNotifier(strict, SENDER, RECIPIENTS).send(NOTICE)
    assert (server.logins, server.mails) == ([], [])


async def test_a_wrong_password_is_told_and_not_repeated() -> None:
    async with mail_server(encryption="starttls", login=True) as server:
        wrong = notifier(server.port, "starttls", user=USER, password="wr0ng")
        with pytest.raises(Undelivered, match=r"refuses the login \(535\)") as failure:
            await wrong.check()
    assert "wr0ng" not in f"{failure.value!r} {wrong!r}"


async def test_a_server_that_refuses_twice_takes_it_the_third_time() -> None:
    async with mail_server("451 later", "554 spam to ada@example.com") as server:
        mailing = notifier(server.port)
        with pytest.raises(Undelivered, match=r"refuses \(451\)"):
            await mailing.send(NOTICE)
        with pytest.raises(Undelivered, match=r"refuses \(554\)") as failure:
            await mailing.send(NOTICE)
        assert "ada@" not in str(failure.value)
        await mailing.send(NOTICE)
    assert len(server.mails) == 1


async def test_one_unknown_recipient_keeps_it_from_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with mail_server(unknown=frozenset(RECIPIENTS[:1])) as server:
        await notifier(server.port).send(NOTICE)
    assert server.mails[0].recipients == [RECIPIENTS[1]]
    assert "refused 1 recipients" in caplog.text
    async with mail_server(unknown=frozenset(RECIPIENTS)) as server:
        with pytest.raises(Undelivered, match=r"refuses all recipients \(550\)"):
            await notifier(server.port).send(NOTICE)


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
async def test_a_server_that_is_not_there_is_told(host: str) -> None:
    with pytest.raises(Undelivered, match="could not be reached"):
        await notifier(9, host=host).send(NOTICE)


async def test_who_leaves_sends_nothing_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with mail_server() as server:
        server.gate = asyncio.Event()
        sending = asyncio.create_task(notifier(server.port).send(NOTICE))
        await server.asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        # It is the server's to keep what it has got already; the connection is gone.
        server.refusals.append("451 nobody waits")
        server.gate.set()
    assert server.mails == []


def test_no_header_takes_the_end_of_a_line() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message_of(Notice("a\r\nBcc: all@example.com", ()), SENDER, RECIPIENTS)
