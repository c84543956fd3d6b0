"""Sockets in dictionaries: gone with the process, and known to no other."""

from dataclasses import dataclass, field

from headgate.core.sockets import SocketGone, SocketOwner, SocketRequest, Standing


@dataclass(slots=True)
class MemorySockets:
    """`SocketStore` for one process."""

    _owners: dict[str, SocketOwner | None] = field(default_factory=dict)
    _open: dict[tuple[str, str], SocketRequest] = field(default_factory=dict)
    _cancelled: dict[tuple[str, str], int] = field(default_factory=dict)

    async def open(self, socket_id: str, owner: SocketOwner | None) -> None:
        """See `SocketStore.open`."""
        self._owners[socket_id] = owner

    async def claim(self, socket_id: str, owner: SocketOwner) -> bool:
        """See `SocketStore.claim`."""
        if socket_id not in self._owners:
            return False
        present = self._owners[socket_id]
        if present is not None and present.key_id != owner.key_id:
            return False
        self._owners[socket_id] = owner
        return True

    async def owner(self, socket_id: str) -> SocketOwner | None:
        """See `SocketStore.owner`."""
        if socket_id not in self._owners:
            raise SocketGone
        return self._owners[socket_id]

    async def begin(self, request: SocketRequest) -> bool:
        """See `SocketStore.begin`."""
        if request.socket_id not in self._owners:
            raise SocketGone
        place = request.socket_id, request.request_id
        return self._open.setdefault(place, request) == request

    async def standing(self, request: SocketRequest) -> Standing:
        """See `SocketStore.standing`."""
        place = request.socket_id, request.request_id
        if self._open.get(place) != request:
            return "gone"
        return "cancelled" if self._cancelled.get(place, -1) >= request.at else "wanted"

    async def cancel(self, socket_id: str, request_id: str, at: int) -> None:
        """See `SocketStore.cancel`."""
        if socket_id in self._owners:
            self._cancelled[socket_id, request_id] = at

    async def end(self, request: SocketRequest) -> None:
        """See `SocketStore.end`."""
        place = request.socket_id, request.request_id
        if self._open.get(place) == request:
            del self._open[place]
            self._cancelled.pop(place, None)

    async def close(self, socket_id: str) -> None:
        """See `SocketStore.close`."""
        self._owners.pop(socket_id, None)
        for place in [place for place in self._open if place[0] == socket_id]:
            del self._open[place]
        for place in [place for place in self._cancelled if place[0] == socket_id]:
            del self._cancelled[place]
