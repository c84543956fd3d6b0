"""What the stores of one kind are to the rest: ports, and what can be done with them closed."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from headgate.cli.findings import Finding
from headgate.core.alerts import AlertStore
from headgate.core.answers import AnswerStore
from headgate.core.audit import AuditStore
from headgate.core.budgets import LedgerStore
from headgate.core.documents import DocumentStore
from headgate.core.episodes import EpisodeStore
from headgate.core.erasures import UserDataStore
from headgate.core.keys import KeyStore
from headgate.core.measurements import Measured
from headgate.core.memory import MemoryStore
from headgate.core.runs import RunStore
from headgate.core.service_levels import ServiceStore
from headgate.core.sockets import SocketStore
from headgate.core.usage import UsageStore
from headgate.core.vendor_keys import VendorKeyStore
from headgate.core.workspaces import WorkspaceStore
from headgate.settings import Settings

# SQLite's files in the data directory.
DATABASE = "headgate.db"
DOCUMENTS = "documents.db"


class Stores(NamedTuple):
    """The configured stores, open; `check` asks them for something, as a health check does.

    Attributes:
        measured: what they tell of themselves in numbers.
    """

    keys: KeyStore
    ledger: LedgerStore
    usage: UsageStore
    answers: AnswerStore
    alerts: AlertStore
    vendor_keys: VendorKeyStore
    workspaces: WorkspaceStore
    documents: DocumentStore
    runs: RunStore
    memories: MemoryStore
    audit: AuditStore
    service: ServiceStore
    episodes: EpisodeStore
    user_data: UserDataStore
    check: Callable[[], Awaitable[None]]
    measured: Sequence[Measured] = ()


class StoreKind(Protocol):
    """One kind of stores; a module is one."""

    def opened(self, settings: Settings, /) -> AbstractAsyncContextManager[Stores]:
        """All stores, open; they are closed with what they still have to write."""
        ...

    def sockets(self, settings: Settings, /) -> AbstractAsyncContextManager[SocketStore]:
        """What is known of sockets that others keep open."""
        ...

    async def make(self, settings: Settings, /) -> None:
        """Make what has to be there before the stores are opened."""
        ...

    async def check(self, settings: Settings, /) -> Finding:
        """Whether the store can be reached and read."""
        ...

    async def check_documents(self, settings: Settings, /) -> Finding:
        """Whether the documents' store can be reached and read."""
        ...
