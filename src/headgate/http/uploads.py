"""Files that come as `multipart/form-data`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from headgate.core.errors import InvalidRequest

MULTIPART = "multipart/form-data"
FIELD = "file"
MOST_FILES = 100
MOST_NAME_LENGTH = 255

_PIECE = 1 << 20
_FOLDERS = re.compile(r".*[/\\]")
_BROKEN = "the body is not what its content type says: multipart/form-data with files in `file`"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file with the name that its sender gave it, without folders."""

    name: str
    content: bytes


def is_multipart(content_type: str) -> bool:
    """Whether a body comes as files rather than as JSON."""
    return content_type.partition(";")[0].strip().lower() == MULTIPART


def uploaded_files(content_type: str, body: bytes) -> Sequence[UploadedFile]:
    """The files of a body, in their order; it takes as long as the body is large.

    Raises:
        InvalidRequest: the body is broken, has another field, or none or too many files.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest("the content type multipart/form-data needs a boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_headers_finished": parts.headers_end,
                "on_part_data": parts.data,
                "on_part_end": parts.end,
                "on_end": parts.end_all,
            },
        )
        for start in range(0, len(body), _PIECE):
            parser.write(body[start : start + _PIECE])
        parser.finalize()
    except FormParserError:
        raise InvalidRequest(_BROKEN) from None
    if not parts.is_whole:
        raise InvalidRequest(_BROKEN)
    if not parts.files:
        raise InvalidRequest("there is no file: send one or more as `file`", param=FIELD)
    return parts.files


@dataclass(slots=True)
class _Parts:
    """Puts the parts of a body together as a parser tells of them."""

    files: list[UploadedFile] = field(default_factory=list)
    is_whole: bool = False
    _name: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _file_name: str = ""
    _content: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        """A part begins."""
        if len(self.files) >= MOST_FILES:
            raise InvalidRequest(f"a request takes at most {MOST_FILES} files", param=FIELD)
        self._disposition = b""
        self._content = []

    def header_name(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name came."""
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value came."""
        self._value += data[start:end]

    def header_end(self) -> None:
        """A header is whole."""
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def headers_end(self) -> None:
        """It is known what the part is."""
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode():
            raise InvalidRequest(
                "files come in the field `file`, and there is no other", param=FIELD
            )
        name = _FOLDERS.sub("", _text(options.get(b"filename", b""))).strip()
        if not 0 < len(name) <= MOST_NAME_LENGTH:
            raise InvalidRequest(
                f"a file needs a name of 1 to {MOST_NAME_LENGTH} characters", param=FIELD
            )
        self._file_name = name

    def data(self, data: bytes, start: int, end: int) -> None:
        """A piece of a part came."""
        self._content.append(data[start:end])

    def end(self) -> None:
        """A part is whole."""
        self.files.append(UploadedFile(self._file_name, b"".join(self._content)))

    def end_all(self) -> None:
        """The last part was whole."""
        self.is_whole = True


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
