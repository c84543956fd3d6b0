"""Researches a question in the workspace's documents; every claim of the report has its source."""

import sys

from headgate_sdk import Headgate


def main(question: str) -> None:
    with Headgate() as client:
        with client.agents.stream("research", question, budget=0.50) as run:
            for event in run:
                if event.type == "step.started":
                    print(f"... {event.name}", file=sys.stderr, flush=True)
            done = run.final()
        if done.status != "succeeded":
            raise SystemExit(f"{done.error or done.status}")
        print(done.output["text"])
        for number, source in enumerate(done.output["citations"], start=1):
            print(f"[{number}] {source['title']}, characters {source['start']} to {source['end']}")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
