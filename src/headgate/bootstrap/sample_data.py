"""The part of `bootstrap` that loads sample data, and takes it out again.

Nothing remembers what was loaded: all of it can be told from real data. Sample calls carry a mark
in their ids, keys, runs and documents have names of their own, and a budget is a sample's until
somebody changes it. So both directions may be repeated, and go on where they were broken off.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Mapping

from headgate.bootstrap.acts import begin_by_command
from headgate.bootstrap.documents import remove_documents, seed_documents
from headgate.bootstrap.sample_runs import remove_runs, sample_runs, seed_runs
from headgate.bootstrap.services import open_services
from headgate.bootstrap.store_ports import Stores
from headgate.bootstrap.stores import make_tables, open_stores
from headgate.bootstrap.vendors import vendors_of
from headgate.core.budgets import period_of
from headgate.core.ids import new_id
from headgate.core.keys import KeySecret, VirtualKey, hash_api_key, new_api_key
from headgate.core.metered import CallLabels
from headgate.core.usage import UsageEvent, UsageFilter
from headgate.identity.audit import Audit
from headgate.settings import Settings
from headgate.transport.http import HttpClient
from headgate.usage import samples

PAGE = 200
_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


async def load(settings: Settings) -> Mapping[str, object]:
    """Load sample data; a second time adds only what has passed since. Says how much there is."""
    now = time.time()
    await make_tables(settings)
    async with open_stores(settings) as stores:
        audit = Audit(stores.audit)
        intent = await begin_by_command(audit, "sample.seed")
        keys = samples.keys(now)
        for key in keys:
            if await stores.keys.get(key.key_id) is None:
                secret = KeySecret(hash_api_key(new_api_key(key.key_id)), key.key_id)
                await stores.keys.add(key, secret)
        limits = dict(samples.limits())
        for state in await stores.ledger.states(list(limits), period_of(now)):
            # A budget that is there is somebody's own.
            if state.limit is None:
                await stores.ledger.set_limit(state.account, limits[state.account])
        client = HttpClient()
        prices = vendors_of(settings, client).prices
        await client.aclose()
        billing = settings.configuration.billing.share
        records = [stores.ledger.settle(each) for each in samples.settlements(now, prices, billing)]
        await asyncio.gather(*records)
        await audit.end(intent)
    services = open_services(settings, _as_itself(keys[0]))
    async with services as opened:
        labels = CallLabels(request_id=new_id("req"), request_type="tool", tags=(samples.TAG,))
        models = opened.works.access.models(keys[0], labels)
        return {
            "keys": len(keys),
            "days": samples.DAYS,
            "calls": len(records),
            "documents": await seed_documents(opened.documents, models),
            "runs": await seed_runs(opened.runs, keys[0]),
        }


async def remove(settings: Settings) -> Mapping[str, object]:
    """Take all sample data out again; says how much there was.

    What the next step needs to know what is a sample goes after it, the keys last.
    """
    await make_tables(settings)
    keys = samples.keys(time.time())
    async with open_stores(settings) as stores:
        intent = await begin_by_command(Audit(stores.audit), "sample.remove")
    async with open_services(settings, _as_itself(keys[0])) as services:
        runs = await sample_runs(services.runs, keys[0])
        documents = await remove_documents(services.documents)
    async with open_stores(settings) as stores:
        run_ids = {run.run_id for run in runs}
        calls = sum([await _erase_calls(stores, key, run_ids) for key in keys])
        await remove_runs(stores.runs, stores.memories, keys[0], runs)
        limits = dict(samples.limits())
        for state in await stores.ledger.states(list(limits), period_of(time.time())):
            if state.limit == limits[state.account]:
                await stores.ledger.set_limit(state.account, None)
        erased = [await stores.keys.erase(key.key_id) for key in keys]
        await Audit(stores.audit).end(intent)
    return {"keys": sum(erased), "calls": calls, "documents": documents, "runs": len(runs)}


async def _erase_calls(stores: Stores, key: VirtualKey, run_ids: set[str]) -> int:
    """Take a sample key's sample calls out; those that somebody made with it stay."""
    erased = 0
    async for page in _pages(stores, key):
        found = [event for event in page if samples.is_sample(event) or event.run_id in run_ids]
        erased += await stores.ledger.erase([samples.settlement(event) for event in found])
    return erased


async def _pages(stores: Stores, key: VirtualKey) -> AsyncIterator[list[UsageEvent]]:
    """A key's calls; each page is looked for before the one ahead of it is given away."""
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    where = UsageFilter(_BEGINNING, end, key_id=key.key_id)
    page = await stores.usage.events(where, limit=PAGE, before=None)
    while page:
        following = await stores.usage.events(where, limit=PAGE, before=page[-1].id)
        yield page
        page = following


def _as_itself(key: VirtualKey) -> Mapping[str, VirtualKey]:
    """A secret for a sample key that this process alone knows: what it does, it does as that."""
    return {hash_api_key(new_api_key(key.key_id)): key}
