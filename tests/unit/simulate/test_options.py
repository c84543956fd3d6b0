import pytest

from headgate.simulate import Fault, SimulatorOptions, parse_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429:0.05", Fault(429, 0.05)),
        ("503:1", Fault(503, 1.0)),
        ("slow:0", Fault("slow", 0.0)),
        ("cut:.5", Fault("cut", 0.5)),
    ],
)
def test_a_fault_is_a_kind_and_a_probability(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("429", "no probability"),
        ("", "no probability"),
        ("200:0.5", "no kind of fault"),
        ("4290:0.5", "no kind of fault"),
        ("42900000:0.5", "no kind of fault"),
        ("-429:0.5", "no kind of fault"),
        ("fast:0.5", "no kind of fault"),
        (":0.5", "no kind of fault"),
        ("429:2", "from 0 to 1"),
        ("429:-0.1", "from 0 to 1"),
        ("429:nan", "from 0 to 1"),
        ("429:often", "from 0 to 1"),
        ("429:", "from 0 to 1"),
    ],
)
def test_a_wrong_fault_says_what_to_change(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_fault(text)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"vendor": "openia"}, "choose of openai"),
        ({"latency_ms": -1}, "latency"),
        ({"latency_ms": float("nan")}, "latency"),
        ({"tokens_per_second": 0}, "tokens per second"),
    ],
)
def test_wrong_options_say_what_is_wrong(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SimulatorOptions(**options)  # type: ignore[arg-type] # wrong on purpose


def test_all_vendors_are_those_that_are_known() -> None:
    assert "openai" in SimulatorOptions(vendor="all").vendors
    assert SimulatorOptions(vendor="openai").vendors == ("openai",)
