"""The audit log in a list: gone with the process."""

from dataclasses import dataclass, field

from headgate.core.audit import (
    Act,
    AuditFilter,
    AuditRecord,
    Intent,
    Outcome,
    SealedRecord,
    opened,
    seal,
)


@dataclass(slots=True)
class MemoryAudit:
    """`AuditStore` for one process."""

    _records: list[SealedRecord] = field(default_factory=list)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)

    async def append(self, record: AuditRecord) -> None:
        """See `AuditStore.append`."""
        self._records.append(seal(record, self._records[-1] if self._records else None))
        if isinstance(record, Outcome):
            self._outcomes[record.act_id] = record

    async def acts(self, where: AuditFilter, *, limit: int, before: int | None) -> list[Act]:
        """See `AuditStore.acts`."""
        found: list[Act] = []
        for sealed in reversed(self._records[: None if before is None else before - 1]):
            intent = opened(sealed.text)
            if isinstance(intent, Intent):
                act = Act(sealed.number, intent, self._outcomes.get(intent.act_id))
                if where.admits(act):
                    found.append(act)
        return found[:limit]

    async def records(self, *, after: int, limit: int) -> list[SealedRecord]:
        """See `AuditStore.records`."""
        return self._records[after : after + limit]
