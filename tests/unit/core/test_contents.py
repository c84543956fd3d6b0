from headgate.core.contents import MOST_KEPT_BYTES, Kept


def test_what_passes_by_is_kept_as_it_came() -> None:
    kept = Kept()
    for piece in (b"one ", b"", b"two"):
        kept.add(piece)
    assert (kept.data, kept.is_whole) == (b"one two", True)


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept = Kept()
    kept.add(b"x" * (MOST_KEPT_BYTES - 1))
    assert kept.is_whole
    for _ in range(2):
        kept.add(b"yy")
    assert kept.data == b"x" * (MOST_KEPT_BYTES - 1) + b"y"
    assert not kept.is_whole
