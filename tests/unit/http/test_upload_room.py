import pytest

from headgate.core.errors import Overloaded
from headgate.http.upload_room import UploadRoom


def test_uploads_share_the_room_and_the_one_too_many_is_to_come_again() -> None:
    room = UploadRoom(most_bytes=100)
    room.take(60)
    room.take(40)
    with pytest.raises(Overloaded) as refused:
        room.take(1)
    assert refused.value.retry_after_seconds
    room.give_back(40)
    room.take(40)
