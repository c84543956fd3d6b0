"""Backups of a data directory, taken while the platform runs, and the way back.

A backup is a directory, or an archive of one. It is made beside its place and moved there when it
is whole, so what is there is whole.
"""

import contextlib
import datetime as dt
import gzip
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from headgate import __version__, data_directory
from headgate.bootstrap import agents, dashboard, kept_streams, limits, metrics
from headgate.bootstrap.platform_secret import SECRET
from headgate.bootstrap.store_ports import DATABASE, DOCUMENTS
from headgate.cli.findings import Backup
from headgate.core.errors import InvalidRequest
from headgate.settings import Settings
from headgate.stores.sqlite.copies import copy_together

NOTE = "backup.json"
ARCHIVES = (".tar.gz", ".tgz")
# What belongs to the running moment alone.
_PASSING = frozenset(
    {
        limits.LIMITS,
        kept_streams.DIRECTORY,
        dashboard.TICKETS,
        metrics.DIRECTORY,
        agents.LOCK,
    }
)
# In this order they are held; calls wait for the last alone.
_DATABASES = (agents.DATABASE, DOCUMENTS, DATABASE)
_SQLITE = b"SQLite format 3\0"
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_CHUNK_BYTES = 1 << 20


class Note(msgspec.Struct, frozen=True, rename="camel"):
    """What a backup says of itself; `taken_at` is ISO 8601, in UTC."""

    release: str
    taken_at: str


@dataclass(slots=True)
class _Contents:
    """What is in a data directory, by paths in it; other databases than ours are kept apart."""

    databases: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def back_up(settings: Settings, target: Path) -> Backup:
    """Copy the data directory to `target`, which is new: a directory, or an archive by its name.

    Raises:
        InvalidRequest: there is nothing to copy, or `target` is no place for it.
        Overloaded: a database cannot be copied.
    """
    data = settings.data
    contents = _contents_of(data)
    if not contents.databases and not contents.files:
        raise InvalidRequest(f"there is nothing to back up in {data}; name another one by --data")
    if target.exists():
        raise InvalidRequest(f"{target} is there already; name another place")
    if target.resolve().is_relative_to(data.resolve()):
        raise InvalidRequest(f"{target} lies in the data directory itself; name another place")
    with _failing_plainly(f"{target} cannot be written"), _scratch(target.parent) as scratch:
        copy = scratch / target.name.removesuffix(_suffix(target))
        copy.mkdir(mode=0o700)
        taken_at = dt.datetime.now(dt.UTC)
        _copy(data, contents, copy)
        note = Note(__version__, taken_at.isoformat(timespec="seconds"))
        (copy / NOTE).write_bytes(msgspec.json.encode(note) + b"\n")
        whole = _archived(copy) if _suffix(target) else copy
        size = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
        whole.rename(target)
    return Backup(target, size, note.taken_at, _left_out(settings, contents))


def restore(settings: Settings, source: Path) -> Path:
    """Put a backup into the data directory, which is missing or empty; gives its path.

    Raises:
        InvalidRequest: something is there, so perhaps a platform too; or `source` is no backup.
    """
    data = settings.data
    data_directory.make(data)
    _refuse_used(data)
    with _failing_plainly(f"{source} cannot be restored"), _scratch(data) as scratch:
        if source.is_dir():
            found = shutil.copytree(source, scratch / "backup")
        else:
            found = _unpacked(source, scratch)
        if not (found / NOTE).exists():
            raise InvalidRequest(f"{source} is no backup: it has no {NOTE}")
        (found / NOTE).unlink()
        _refuse_used(data, but=scratch)
        # Without its books nothing counts, so a directory that has them is whole.
        for path in sorted(found.iterdir(), key=lambda path: path.name == DATABASE):
            path.rename(data / path.name)
    return data


def _contents_of(data: Path) -> _Contents:
    contents = _Contents()
    seen = set[Path]()
    for place, directories, names in os.walk(data, followlinks=True):
        here = Path(place)
        if here.resolve() in seen:  # by a link, a second time
            directories.clear()
            continue
        seen.add(here.resolve())
        passing = _PASSING if here == data else frozenset()
        directories[:] = [name for name in directories if name not in passing]
        databases = {name for name in names if _is_sqlite(here / name)}
        beside = {name + end for name in databases for end in _BESIDE_SQLITE}
        for name in set(names) - databases - beside - passing:
            if (here / name).is_file():
                contents.files.append((here / name).relative_to(data))
        for name in databases:
            is_ours = here == data and name in _DATABASES
            known = contents.databases if is_ours else contents.others
            known.append((here / name).relative_to(data))
    contents.databases.sort(key=lambda path: _DATABASES.index(path.name))
    return contents


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:  # a socket, or gone meanwhile
        return False


def _copy(data: Path, contents: _Contents, copy: Path) -> None:
    for path in [*contents.databases, *contents.others, *contents.files]:
        (copy / path.parent).mkdir(mode=0o700, parents=True, exist_ok=True)
    for together in (contents.databases, *([path] for path in contents.others)):
        for path in together:
            data_directory.keep_private(copy / path)
        copy_together({data / path: copy / path for path in together})
    for path in contents.files:
        # What a tool deletes at this moment is not missed.
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(data / path, copy / path)


def _archived(copy: Path) -> Path:
    archive = copy.with_name(f"{copy.name}.archive")
    data_directory.keep_private(archive)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(copy, copy.name)
    return archive


def _unpacked(archive: Path, scratch: Path) -> Path:
    try:
        with gzip.open(archive) as whole, tarfile.open(fileobj=whole, mode="r|") as tar:
            tar.extractall(scratch, filter="data")
            # The sum by which a changed byte is found stands at the very end.
            while whole.read(_CHUNK_BYTES):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InvalidRequest(f"{archive} is no backup, or a broken one: {error}") from None
    found = list(scratch.iterdir())
    return found[0] if len(found) == 1 else scratch


def _suffix(target: Path) -> str:
    return next((end for end in ARCHIVES if target.name.endswith(end)), "")


@contextlib.contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".headgate-", dir=parent) as name:
        yield Path(name)


@contextlib.contextmanager
def _failing_plainly(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, shutil.Error) as error:
        raise InvalidRequest(f"{what}: {error}") from None


def _refuse_used(data: Path, but: Path | None = None) -> None:
    if any(path != but for path in data.iterdir()):
        raise InvalidRequest(
            f"{data} is not empty, and a platform may be using it; name a new one by --data"
        )


def _left_out(settings: Settings, contents: _Contents) -> tuple[str, ...]:
    """What belongs to this platform and is not in a backup, and how that is kept."""
    told = ["Environment variables and .env, with the keys of vendors."]
    if Path(SECRET) not in contents.files:
        told.append("JWT_SECRET_KEY and ENCRYPTION_SALT, which open users' vendor keys.")
    if settings.store == "dynamodb":
        told.append(
            "DynamoDB's tables, with keys, budgets, the ledger, runs and documents: they have"
            " point-in-time recovery."
        )
    if settings.database_url is not None:
        told.append("What running agents need to go on, in PostgreSQL: use pg_dump.")
    if settings.redis_url is not None:
        told.append("Redis, which has rate limits and a cache and needs no backup.")
    beside = settings.data if settings.config is None else settings.config.parent
    configuration = settings.configuration
    named = [configuration.prompts.directory, configuration.agents.directory]
    places = [settings.config, *(beside / name for name in named if name is not None)]
    for workspace in configuration.workspaces.values():
        own = [workspace.files, workspace.database]
        places += [settings.data / name for name in own if name is not None]
    data = settings.data.resolve()
    told += [
        f"{place}, outside the data directory."
        for place in places
        if place is not None and place.exists() and not place.resolve().is_relative_to(data)
    ]
    return tuple(told)
