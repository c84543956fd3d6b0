"""Headers as they came, which are read when somebody asks for one.

Of most answers nobody does: what they mean stands in their status and their body.
"""

from collections.abc import Iterator, Mapping, Sequence


class RawHeaders(Mapping[str, str]):
    """Headers by their names in lower case; of several with one name the last."""

    __slots__ = ("_lines", "_read")

    def __init__(self, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._lines = lines
        self._read: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in self._lines
            }
        return self._read
