"""Whoever is to be told of errors is told once when they begin, and once when they end."""

from dataclasses import dataclass, field

from headgate.core.alerts import Notice, Undelivered
from headgate.core.service_levels import ALL
from headgate.stores.memory_episodes import MemoryEpisodes
from headgate.stores.memory_service_levels import MemoryServiceLevels
from headgate.usage.error_alerts import CLAIM_SECONDS, ErrorAlerts, ErrorRule

NOON = 1_795_435_200.0
RULE = ErrorRule(rate=0.2, seconds=300, least=10)


@dataclass
class Channel:
    """Takes messages, after it has refused so many."""

    refusals: int = 0
    heard: list[Notice] = field(default_factory=list)

    async def send(self, notice: Notice) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Undelivered("not now")
        self.heard.append(notice)

    @property
    def titles(self) -> list[str]:
        return [notice.title for notice in self.heard]


class Desk:
    """Two processes that look at the same counts."""

    def __init__(self) -> None:
        self.now = NOON
        self.slack, self.email = Channel(), Channel()
        self.service, episodes = MemoryServiceLevels(), MemoryEpisodes()
        channels = {"slack": self.slack, "email": self.email}
        self.processes = [
            ErrorAlerts(self.service, episodes, channels, RULE, lambda: self.now) for _ in range(2)
        ]

    async def served(self, requests: int, failed: int) -> None:
        calls = {"calls": requests, "errors": failed}
        counts = {ALL: {"requests": requests, "failed": failed}, "openai/gpt-4o": calls}
        await self.service.add(self.now, counts)
        for process in self.processes:
            await process.look()


async def test_an_episode_is_told_once_on_each_channel_and_so_is_its_end() -> None:
    desk = Desk()
    await desk.served(100, 1)
    assert desk.slack.heard == []
    desk.now += 300
    await desk.served(100, 34)
    await desk.served(10, 5)
    begun = ["34% of requests fail"]
    assert (desk.slack.titles, desk.email.titles) == (begun, begun)
    facts = dict(desk.slack.heard[0].facts)
    assert facts["Failed"] == "34 of 100 requests for models"
    assert facts["Calls to vendors that failed"] == "openai/gpt-4o: 34 of 100"
    desk.now += 600
    await desk.served(100, 0)
    await desk.served(100, 0)
    assert desk.slack.titles == [*begun, "Requests are answered again"]
    assert dict(desk.slack.heard[1].facts)["It lasted"] == "about 10 minutes"
    desk.now += 600
    await desk.served(100, 50)
    assert len(desk.slack.heard) == 3, "the next one is told again"


async def test_a_rate_at_the_edge_is_no_stream_of_messages() -> None:
    desk = Desk()
    await desk.served(100, 25)
    desk.now += 300
    for failed in (15, 20, 12):
        desk.now += 300
        await desk.served(100, failed)
    assert len(desk.slack.heard) == 1


async def test_few_requests_are_not_judged_and_none_end_an_episode() -> None:
    desk = Desk()
    await desk.served(9, 9)
    assert desk.slack.heard == []
    await desk.served(9, 9)
    assert len(desk.slack.heard) == 1
    desk.now += 900
    await desk.served(0, 0)
    assert desk.slack.titles[-1] == "Requests are answered again"


async def test_a_channel_that_fails_is_told_later_and_holds_up_no_other() -> None:
    desk = Desk()
    desk.slack.refusals = 1
    await desk.served(100, 50)
    assert (len(desk.slack.heard), len(desk.email.heard)) == (0, 1)
    await desk.served(0, 0)
    assert len(desk.slack.heard) == 0, "not at once again"
    desk.now += CLAIM_SECONDS
    await desk.served(0, 0)
    assert (len(desk.slack.heard), len(desk.email.heard)) == (1, 1)


async def test_where_no_vendor_failed_the_platform_did() -> None:
    desk = Desk()
    await desk.service.add(NOON, {ALL: {"requests": 20, "failed": 20}})
    await desk.processes[0].look()
    facts = dict(desk.slack.heard[0].facts)
    assert facts["Calls to vendors that failed"] == "none: the platform itself failed"
