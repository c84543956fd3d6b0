from fake_installation import FakeInstallation
from headgate.cli.connection import Connection
from headgate.cli.installation import Installation, Session


def test_the_platform_is_loaded_only_when_a_command_needs_it() -> None:
    loaded = []

    def load() -> Installation:
        loaded.append(True)
        return FakeInstallation()

    session = Session(load)
    assert not loaded

    async def work(connection: Connection) -> str:
        return type(connection).__name__

    assert session.run(work) == "FakeConnection"
    assert loaded
