"""What a run remembers of its session and its person, and what it leaves for later ones."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.agents.json_texts import object_in
from headgate.agents.steps import Attempt, Done
from headgate.agents.work import Work
from headgate.core.errors import NotFound
from headgate.core.ids import new_timed_id
from headgate.core.memory import Fact, MemoryStore, Person, Turn
from headgate.core.words import terms

WINDOW = 20
MOST_FACTS = 1000
RELEVANT = 10
TURN_CHARACTERS = 4000


class Learnt(msgspec.Struct, frozen=True):
    """A fact that a model wrote down; `replaces` is the id of one that no longer holds."""

    fact: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Memories:
    """The memory of agents, as its persons look at it and change it."""

    store: MemoryStore
    clock: Callable[[], float] = time.time

    async def facts(self, person: Person, query: str | None = None) -> list[Fact]:
        """What is known: the newest first or, for a `query`, what fits it best."""
        known = await self.store.facts(person, now=self.clock(), limit=MOST_FACTS)
        return known if query is None else relevant(known, query)

    async def keep(
        self,
        person: Person,
        text: str,
        *,
        expires_at: float | None = None,
        fact_id: str | None = None,
    ) -> Fact:
        """Keep a fact, in the place of one that has this id.

        Raises:
            NotFound: there is none with this id.
        """
        now = self.clock()
        created_at = now
        if fact_id is not None:
            known = {fact.id: fact for fact in await self.facts(person)}
            if fact_id not in known:
                raise NotFound(f"there is no fact {fact_id[:64]!r}")
            created_at = known[fact_id].created_at
        fact = Fact(
            id=fact_id or new_timed_id("fact", now),
            text=text,
            created_at=created_at,
            expires_at=expires_at,
        )
        await self.store.keep(person, [fact])
        return fact

    async def forget(self, person: Person, fact_id: str) -> None:
        """Forget a fact.

        Raises:
            NotFound: there is none with this id.
        """
        if not await self.store.forget(person, fact_id):
            raise NotFound(f"there is no fact {fact_id[:64]!r}")

    async def recall(self, work: Work, goal: str) -> str:
        """What a run should know before it begins; empty where it has no session, or nothing is."""
        session_id, person = work.run.request.session_id, _person(work)
        if session_id is None:
            return ""

        async def look() -> dict[str, Any]:
            said = await self.store.conversation(person, session_id, limit=WINDOW)
            known = await self.facts(person, goal)
            return {"said": said, "known": [fact.text for fact in known]}

        found = await work.steps.remembered("memory", look)
        said = msgspec.convert(found["said"], list[Turn])
        parts = []
        if found["known"]:
            parts.append("Known from earlier:\n" + "\n".join(f"- {f}" for f in found["known"]))
        if said:
            lines = [f"{turn.speaker}: {turn.text}" for turn in said]
            parts.append("The conversation so far:\n" + "\n".join(lines))
        return "\n\n".join(parts)

    async def learn(self, work: Work, goal: str, answer: str) -> None:
        """Keep what was said, and what of it is worth knowing later."""
        session_id, person = work.run.request.session_id, _person(work)
        if session_id is None:
            return
        turns = [Turn("user", goal[:TURN_CHARACTERS], 0.0)]
        turns.append(Turn("assistant", answer[:TURN_CHARACTERS], 0.0))
        known = msgspec.convert(
            await work.steps.remembered("facts", lambda: self.facts(person, goal)), list[Fact]
        )
        told = await work.answer(
            "remember",
            {
                "conversation": [{"speaker": t.speaker, "text": t.text} for t in turns],
                "known": [{"id": fact.id, "fact": fact.text} for fact in known],
            },
        )
        try:
            learnt = msgspec.convert(object_in(told.text).get("facts", ()), list[Learnt])
        except msgspec.ValidationError:
            learnt = []

        async def keep(_attempt: Attempt) -> Done:
            now, run_id = self.clock(), work.run.run_id
            dated = [msgspec.structs.replace(turn, at=now) for turn in turns]
            await self.store.say(person, session_id, dated, once=run_id)
            # Named by the run, so that the same facts, kept again after a crash, are the same.
            facts = [
                Fact(id=f"fact_{run_id.removeprefix('run_')}_{n}", text=item.fact, created_at=now)
                for n, item in enumerate(learnt)
            ]
            await self.store.keep(person, facts)
            for item in learnt:
                if item.replaces in {fact.id for fact in known}:
                    await self.store.forget(person, str(item.replaces))
            return Done(None, told={"facts": len(facts)})

        await work.steps.take("memory", "remember", keep)


def relevant(known: Sequence[Fact], query: str) -> list[Fact]:
    """The facts that share most words with a query; the newest of those that share as many."""
    wanted = set(terms(query))
    shared = {fact.id: len(wanted.intersection(terms(fact.text))) for fact in known}
    found = [fact for fact in known if shared[fact.id]]
    return sorted(found, key=lambda fact: -shared[fact.id])[:RELEVANT]


def _person(work: Work) -> Person:
    run = work.run
    return Person(run.workspace_id, run.key_id if run.user_id is None else run.user_id)
