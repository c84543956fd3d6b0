from headgate.core.chat import ChatRequest, Message
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.sandbox import Plan, plan, plan_embedding
from headgate.simulate import Fault, SimulatorOptions
from headgate.simulate.behaviour import SLOW_SECONDS, Behaviour, Mishap, paced


def planned(text: str) -> Plan:
    return plan(ChatRequest(model="any", messages=(Message("user", text),)))


def test_options_add_latency_and_pace() -> None:
    behaviour = Behaviour(SimulatorOptions(latency_ms=250, tokens_per_second=10))
    shaped = behaviour.shape(planned("hi [[delay 500]]"))
    assert (shaped.delay_seconds, shaped.tokens_per_second) == (0.75, 10)


def test_a_directive_goes_before_an_option() -> None:
    options = SimulatorOptions(
        tokens_per_second=10, faults=(Fault(500, 1), Fault("cut", 1)), seed=1
    )
    shaped = Behaviour(options).shape(planned("[[rate 3]] [[fail 429]] [[cut 1]] [[tokens 10]]"))
    assert (shaped.tokens_per_second, shaped.fail_status, shaped.cut_after) == (3, 429, 1)


def test_faults_come_together() -> None:
    faults = (Fault("slow", 1), Fault(503, 1), Fault(500, 1))
    shaped = Behaviour(SimulatorOptions(faults=faults)).shape(planned("[[tokens 9]]"))
    assert (shaped.delay_seconds, shaped.fail_status) == (SLOW_SECONDS, 503)


def test_an_answer_that_fails_by_chance_is_not_cut_by_chance_as_well() -> None:
    """With a status of 500 a call fails as one, and not as a stream that breaks off."""
    faults = (Fault("cut", 1), Fault(500, 1))
    shaped = Behaviour(SimulatorOptions(faults=faults)).shape(planned("[[tokens 9]]"))
    assert (shaped.fail_status, shaped.cut_after) == (500, None)
    cut = Behaviour(SimulatorOptions(faults=faults[:1])).shape(planned("[[tokens 9]]"))
    assert (cut.fail_status, cut.cut_after) == (None, 4)


def test_a_seed_makes_faults_repeat() -> None:
    options = SimulatorOptions(faults=(Fault(429, 0.3), Fault("slow", 0.3)), seed=7)

    def drawn(options: SimulatorOptions) -> list[Mishap]:
        behaviour = Behaviour(options)
        return [behaviour.draw() for _ in range(200)]

    assert drawn(options) == drawn(options)
    assert 30 < sum(mishap.status == 429 for mishap in drawn(options)) < 90
    assert drawn(options) != drawn(SimulatorOptions(faults=options.faults, seed=8))


def test_embeddings_suffer_the_same() -> None:
    behaviour = Behaviour(SimulatorOptions(latency_ms=100, faults=(Fault("cut", 1), Fault(500, 1))))
    request = EmbeddingRequest(model="any", input=("text",))
    shaped, is_cut = behaviour.shape_embedding(plan_embedding(request))
    assert (shaped.delay_seconds, shaped.fail_status, is_cut) == (0.1, 500, True)


async def test_pieces_come_in_their_order() -> None:
    texts = [piece.delta.text async for piece in paced(planned("a b [[rate 1000]]"))]
    assert texts == ["You", " said:", " a", " b", ""]
