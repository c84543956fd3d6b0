import shlex

from fake_installation import URL, FakeInstallation, invoke
from headgate import __version__
from headgate.cli.installation import ServeOptions
from headgate.cli.serve import first_request


def test_a_first_start_shows_the_admin_key_once_with_a_request_that_works() -> None:
    result = invoke(FakeInstallation(admin_key="sk-proj-a-b"), "serve")
    assert result.exit_code == 0
    before, ready = result.stdout.rsplit("\n\n", 1)
    assert "\n  sk-proj-a-b\n" in before
    assert first_request(URL, "sk-proj-a-b") in before
    assert ready == f"Headgate {__version__} is ready on {URL}\n"


def test_a_later_start_shows_only_that_it_is_ready() -> None:
    result = invoke(FakeInstallation(), "serve")
    assert result.stdout == f"Headgate {__version__} is ready on {URL}\n"


def test_a_start_shows_a_link_that_signs_in() -> None:
    result = invoke(FakeInstallation(ticket="a-ticket"), "serve")
    assert f"\n  {URL}/dashboard/login#a-ticket\n" in result.stdout


def test_the_request_is_one_command_for_a_shell() -> None:
    words = shlex.split(first_request(URL, "k'ey").replace("\\\n", ""))
    assert words[:2] == ["curl", f"{URL}/v1/complete"]
    assert "Authorization: Bearer k'ey" in words


def test_options_reach_the_platform() -> None:
    installation = FakeInstallation()
    arguments = "--host 0.0.0.0 --port 0 --role gateway --workers 3 --data there"
    invoke(installation, "serve", *arguments.split())
    assert installation.served == [(ServeOptions("0.0.0.0", 0, "gateway", 3),)]
    assert str(installation.targets[0].data) == "there"


def test_an_impossible_port_is_exit_code_2() -> None:
    assert invoke(FakeInstallation(), "serve", "--port", "70000").exit_code == 2
