import json

from fake_installation import FakeInstallation, invoke


def test_migrating_says_where_and_shows_a_new_admin_key() -> None:
    result = invoke(FakeInstallation(admin_key="sk-proj-a-b"), "migrate")
    assert result.stdout.startswith("The stores are up to date. Data directory: data\n")
    assert "sk-proj-a-b" in result.stdout
    again = invoke(FakeInstallation(), "migrate", "--json")
    assert json.loads(again.stdout) == {"data": "data", "adminKey": None}


def test_seeding_says_what_there_is_now() -> None:
    installation = FakeInstallation(summary={"keys": 3, "events": 1200})
    assert invoke(installation, "seed").stdout == "keys: 3\nevents: 1,200\n"
    assert json.loads(invoke(installation, "seed", "--json").stdout)["events"] == 1200


def test_sample_data_is_taken_out_again_by_the_same_command() -> None:
    installation = FakeInstallation(summary={"keys": 3})
    assert invoke(installation, "seed", "--remove").stdout == "Removed:\nkeys: 0\n"
