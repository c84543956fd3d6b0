"""Three agents, one after the other: each works on what the one before it made."""

import sys

from headgate_sdk import Headgate

AGENTS = [
    {
        "name": "reader",
        "does": "Finds what is known.",
        "instructions": "Collect the facts of the task from the documents. Quote them.",
        "tools": ["search"],
    },
    {
        "name": "writer",
        "does": "Writes a draft.",
        "instructions": "Write three short paragraphs from these facts, and add none.",
    },
    {
        "name": "editor",
        "does": "Shortens the draft.",
        "instructions": "Cut every word that is not needed. Keep all numbers.",
    },
]


def main(task: str, model: str) -> None:
    with Headgate() as client:
        given = {"task": task, "agents": AGENTS}
        with client.agents.stream("pipeline", given, model=model, tools=["search"]) as run:
            for event in run:
                if event.type == "step.started":
                    print(f"{event.step_id}: {event.name}", file=sys.stderr, flush=True)
            done = run.final()
        print(done.output["text"])
        print(f"{done.step_count} steps, ${done.billed:.7f} billed")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "auto")
