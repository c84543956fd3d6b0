import pytest

from fake_installation import FakeInstallation, invoke
from headgate.cli.installation import SimulatorOptions


def test_options_reach_the_simulator() -> None:
    installation = FakeInstallation()
    arguments = (
        "--vendor openai --port 0 --latency-ms 20 --tokens-per-second 50 --seed 7"
        " --fault 429:0.05 --fault slow:0.1 --fault cut:0"
    )
    result = invoke(installation, "simulate", *arguments.split())
    assert "is ready on" in result.stdout
    faults = (("429", 0.05), ("slow", 0.1), ("cut", 0.0))
    assert installation.served == [
        (SimulatorOptions("openai", 20, 50.0, faults, 7), "127.0.0.1", 0)
    ]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("429", "write KIND:P"),
        ("fire:0.1", "write KIND:P"),
        ("200:0.1", "write KIND:P"),
        ("429:often", "no probability"),
        ("429:1.5", "no probability"),
        ("429:nan", "no probability"),
    ],
)
def test_a_fault_that_means_nothing_is_exit_code_2(fault: str, message: str) -> None:
    result = invoke(FakeInstallation(), "simulate", "--fault", fault)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_faults_more_likely_than_certain_are_exit_code_2() -> None:
    result = invoke(FakeInstallation(), "simulate", "--fault", "429:0.6", "--fault", "cut:0.5")
    assert (result.exit_code, "more than 1" in result.stderr) == (2, True)
