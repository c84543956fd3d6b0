import asyncio

from headgate.core.alerts import Notice, Notifier, Undelivered
from headgate.core.keys import VirtualKey
from headgate.identity.keys import DAY_SECONDS, Keys
from headgate.identity.reminders import AGAIN_SECONDS, CLAIM_SECONDS, KeyReminders
from headgate.stores.memory import MemoryKeys

DAYS = 90


class Clock:
    def __init__(self) -> None:
        self.now = 200.0 * DAY_SECONDS

    def __call__(self) -> float:
        return self.now


class Channel:
    """Takes messages, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        if self.fails:
            raise Undelivered("it is away")
        self.sent.append(notice)


def reminders(
    channels: dict[str, Notifier], clock: Clock, days: int | None = DAYS
) -> tuple[KeyReminders, Keys]:
    keys = Keys(MemoryKeys(), clock=clock, rotate_after_days=days)
    return KeyReminders(keys, channels), keys


async def add(keys: Keys, name: str, *, age_days: float, expires_at: float | None = None) -> None:
    key = VirtualKey(
        key_id=f"sk-proj-{name}",
        name=name,
        scopes=frozenset({"ai:complete"}),
        created_at=keys.clock() - age_days * DAY_SECONDS,
        expires_at=expires_at,
    )
    await keys.create(key)


async def test_old_keys_are_told_in_one_message_the_oldest_first() -> None:
    channel, clock = Channel(), Clock()
    reminder, keys = reminders({"log": channel}, clock)
    await add(keys, "young", age_days=DAYS - 1)
    await add(keys, "old", age_days=DAYS + 1)
    await add(keys, "older\n", age_days=DAYS + 9)
    await add(keys, "expired", age_days=DAYS + 9, expires_at=clock() - 1)
    assert await reminder.remind() == 2
    (notice,) = channel.sent
    assert notice.title == "2 keys are due for rotation"
    assert [value for _, value in notice.facts[:2]] == ["older , 99 days old", "old, 91 days old"]


async def test_nothing_is_told_twice_within_a_month_by_however_many_processes() -> None:
    channel, clock = Channel(), Clock()
    reminder, keys = reminders({"log": channel}, clock)
    await add(keys, "old", age_days=DAYS + 1)
    other = KeyReminders(keys, {"log": channel})
    assert sorted(await asyncio.gather(reminder.remind(), other.remind())) == [0, 1]
    clock.now += AGAIN_SECONDS - 1
    assert await reminder.remind() == 0
    clock.now += 1
    assert await reminder.remind() == 1
    assert len(channel.sent) == 2


async def test_a_rotated_key_is_as_young_as_its_secret() -> None:
    channel, clock = Channel(), Clock()
    reminder, keys = reminders({"log": channel}, clock)
    await add(keys, "old", age_days=DAYS + 1)
    assert keys.is_due(await keys.get("sk-proj-old"))
    issued = await keys.rotate("sk-proj-old", grace_seconds=0)
    assert not keys.is_due(issued.key)
    assert await reminder.remind() == 0
    clock.now += (DAYS + 1) * DAY_SECONDS
    assert await reminder.remind() == 1


async def test_what_no_channel_took_is_told_later_and_one_channel_is_enough() -> None:
    failing, clock = Channel(fails=True), Clock()
    reminder, keys = reminders({"mail": failing}, clock)
    await add(keys, "old", age_days=DAYS + 1)
    assert await reminder.remind() == 0
    failing.fails = False
    assert await reminder.remind() == 0
    clock.now += CLAIM_SECONDS
    assert await reminder.remind() == 1
    good = Channel()
    both = KeyReminders(keys, {"mail": Channel(fails=True), "log": good})
    clock.now += AGAIN_SECONDS
    assert await both.remind() == 1
    assert len(good.sent) == 1


async def test_many_keys_are_counted_instead_of_named() -> None:
    channel, clock = Channel(), Clock()
    reminder, keys = reminders({"log": channel}, clock)
    for number in range(23):
        await add(keys, f"k{number}", age_days=DAYS + 1)
    assert await reminder.remind() == 23
    assert ("And", "3 more; see `headgate keys list`") in channel.sent[0].facts


async def test_it_looks_again_and_again_and_where_keys_may_be_old_not_at_all() -> None:
    channel, clock = Channel(), Clock()
    rounds: asyncio.Queue[float] = asyncio.Queue(1)
    _, keys = reminders({"log": channel}, clock)
    await add(keys, "old", age_days=DAYS + 1)
    async with KeyReminders(keys, {"log": channel}, pause=rounds.put).running():
        await rounds.get()
    assert len(channel.sent) == 1
    keys.rotate_after_days = None
    assert not keys.is_due(await keys.get("sk-proj-old"))
    async with KeyReminders(keys, {"log": channel}, pause=rounds.put).running():
        await asyncio.sleep(0)
    assert rounds.empty()
