"""No secret is left in a text that is logged, and little else is taken out of it."""

import json

import pytest

from headgate.telemetry.masking import MASK, Masker, without_media

PLAIN = Masker([])
SECRETS = [
    "sk-proj-Ab12Cd34-zYxWvUtSrQpOnMlKjIhG",
    "sk-ant-api03-abc_DEF-123456",
    "gsk_abcdef0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
    "ya29.a0AfH6SMBx-abc_def",
    "ghp_0123456789abcdefABCDEF",
    "github_pat_11ABCDEFG0123456789",
    "xoxb-1234567890-abcdefghij",
    "hooks.slack.com/services/T000/B000/abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sflKxwRJSMeKKF2QT4",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["my key is {} today", "{}", 'x="{}"', "({}).", "key:\n{}\n"])
def test_what_looks_like_a_secret_is_taken_out(secret: str, around: str) -> None:
    text = around.format(secret)
    assert PLAIN.masked(text) == around.format(MASK)
    # In a body of JSON, and in one within that, a line break is a letter and a backslash.
    for _ in range(2):
        text = json.dumps({"content": text})
        assert secret not in PLAIN.masked(text)
        assert MASK in PLAIN.masked(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [secret]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [secret]"),
        ('{"apiKey": "4f9c1e7a2b"}', '{"apiKey": "[secret]"}'),
        (r"{\"x-api-key\": \"4f9c1e7a2b\"}", r"{\"x-api-key\": \"[secret]\"}"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7", "AWS_SECRET_ACCESS_KEY=[secret]"),
        ("password = 'correct-horse'", "password = '[secret]'"),
        ('{"token":"sk-proj-abcdefgh12"}', '{"token":"[secret]"}'),
        ("redis://:hunter2hunter2@host:6379/0", "redis://:[secret]@host:6379/0"),
        ("postgresql://ada:hunter2@host/db", "postgresql://ada:[secret]@host/db"),
    ],
)
def test_what_is_called_a_secret_is_taken_out(text: str, masked: str) -> None:
    assert PLAIN.masked(text) == masked


def test_a_private_key_is_taken_out_whole_and_where_it_was_cut_off() -> None:
    for end in ("\n-----END RSA PRIVATE KEY-----", ""):
        key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc" + end
        assert PLAIN.masked(f"here: {key}") == f"here: {MASK}"
        assert "MIIEow" not in PLAIN.masked(json.dumps({"content": f"here: {key}"}))


def test_secrets_of_this_process_are_taken_out_whatever_they_look_like() -> None:
    masker = Masker(["plain words 1", 'quo"ted\\one', "plain words 12", "short"])
    assert masker.masked("a plain words 12 b plain words 1") == f"a {MASK} b {MASK}"
    told = masker.masked(json.dumps({"content": 'a quo"ted\\one b'}))
    assert json.loads(told) == {"content": f"a {MASK} b"}
    assert masker.masked("a short word") == "a short word"


def test_files_and_images_are_told_as_what_they_are() -> None:
    url = f"data:image/png;base64,{'iVBOR' * 100}"
    assert without_media(f"see {url} there") == "see data:image/png;base64,… there"


@pytest.mark.parametrize(
    "text",
    [
        "The task-management desk is risk-averse; ask-me-anything begins at 12:30.",
        '{"max_tokens":4096,"usage":{"inputTokens":123456789}}',
        "Explain bearer bonds, basic chemistry and how a token bucket works.",
        "See https://example.com/a:b@c and mailto:ada@example.com.",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert PLAIN.masked(text) == text


def test_the_rest_of_a_private_key_is_taken_out_too() -> None:
    assert PLAIN.masked("abc\n-----END PRIVATE KEY-----\nthanks") == f"{MASK}\nthanks"
