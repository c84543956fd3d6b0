from headgate.core.audit import START, Actor, Intent, Outcome, chained, opened, seal

INTENT = Intent(
    act_id="act_1",
    at=1000.5,
    actor=Actor(key_id="sk-proj-ada", name="Ada's", means="key"),
    action="key.change",
    target="k1",
    request_id="req_1",
    address="192.0.2.1",
)


def test_a_record_is_chained_to_the_one_before_it() -> None:
    first = seal(INTENT, None)
    second = seal(Outcome(act_id="act_1", at=1001.0, target="k1"), first)
    assert (first.number, first.hash) == (1, chained(START, first.text))
    assert (second.number, second.hash) == (2, chained(first.hash, second.text))
    assert opened(first.text) == INTENT


def test_what_stands_in_a_record_cannot_be_moved_into_the_hash_before_it() -> None:
    assert chained("a", "b\nc") != chained("a\nb", "cd")
