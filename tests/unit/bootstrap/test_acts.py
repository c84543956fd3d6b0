from headgate.bootstrap.acts import AuditedKeys, begin_by_command
from headgate.core.audit import AuditFilter
from headgate.identity.audit import Audit
from headgate.identity.keys import Keys
from headgate.stores.memory import MemoryKeys
from headgate.stores.memory_audit import MemoryAudit


async def acts(audit: Audit) -> list[tuple[str, str, str]]:
    found = await audit.acts(AuditFilter(), limit=50)
    return [(act.intent.action, act.intent.actor.means, act.result) for act in found]


async def test_the_first_admin_key_is_told_once() -> None:
    audit, store = Audit(MemoryAudit()), MemoryKeys()
    keys = Keys(AuditedKeys(store, audit))
    secret = await keys.ensure_admin(None)
    await keys.ensure_admin(None)
    assert await acts(audit) == [("key.create", "platform", "done")]
    assert secret is not None
    assert secret not in "".join(each.text for each in await audit.store.records(after=0, limit=9))


async def test_the_key_of_the_environment_is_told_where_it_changes() -> None:
    audit, store = Audit(MemoryAudit()), MemoryKeys()
    keys = Keys(AuditedKeys(store, audit))
    await keys.ensure_admin("sk-proj-first-secret")
    await keys.ensure_admin("sk-proj-first-secret")
    await keys.ensure_admin("sk-proj-second-secret")
    assert [action for action, _, _ in await acts(audit)] == [
        "key.change",
        "key.create",
        "key.create",
    ]


async def test_a_command_is_told_as_such() -> None:
    audit = Audit(MemoryAudit())
    await audit.end(await begin_by_command(audit, "sample.seed"))
    assert await acts(audit) == [("sample.seed", "command", "done")]
