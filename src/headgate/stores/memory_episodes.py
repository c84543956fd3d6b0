"""What was told of episodes, in a dictionary: gone with the process."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Told:
    is_open: bool = False
    changed_at: float = 0.0
    held_until: float = 0.0


@dataclass(slots=True)
class MemoryEpisodes:
    """`EpisodeStore` for one process."""

    _told: dict[tuple[str, str], _Told] = field(default_factory=dict)

    async def claim(
        self, name: str, channel: str, *, is_open: bool, now: float, until: float
    ) -> float | None:
        """See `EpisodeStore.claim`."""
        told = self._told.setdefault((name, channel), _Told())
        if told.is_open == is_open or now < told.held_until:
            return None
        told.held_until = until
        return told.changed_at

    async def told(self, name: str, channel: str, *, is_open: bool, now: float) -> None:
        """See `EpisodeStore.told`."""
        self._told[name, channel] = _Told(is_open, now)
