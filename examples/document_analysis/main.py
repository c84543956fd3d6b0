"""Adds the files that are named to the workspace, and has an agent say what each is about."""

import sys

from headgate_sdk import Headgate


def main(paths: list[str]) -> None:
    with Headgate() as client:
        for document in client.documents.add_files(*paths):
            run = client.agents.run(
                "document-analysis", {"documentId": document.id}, wait_seconds=60
            )
            if run.status != "succeeded":
                raise SystemExit(f"{document.name}: {run.error or run.status}")
            print(f"{document.name} ({document.chunks} passages)")
            print(f"  themes: {', '.join(run.output['themes'])}")
            for citation in run.output["citations"][:3]:
                print(f'  at character {citation["start"]}: "{citation["quote"]}"')
            print(f"  {run.step_count} steps, ${run.cost:.7f}")


if __name__ == "__main__":
    main(sys.argv[1:])
