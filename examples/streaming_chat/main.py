"""A chat in the terminal: one line a turn, answered word by word; an empty line ends it."""

import sys

from headgate_sdk import Delta, Done, Headgate
from headgate_sdk.types import MessageParam


def main(model: str) -> None:
    conversation: list[MessageParam] = []
    spent = 0.0
    with Headgate() as client:
        while line := input("> " if sys.stdin.isatty() else "").strip():
            conversation.append({"role": "user", "content": line})
            with client.stream(conversation, model=model) as stream:
                for event in stream:
                    if isinstance(event, Delta):
                        print(event.content, end="", flush=True)
                    elif isinstance(event, Done):
                        spent += event.usage.billed
            print()
            conversation.append({"role": "assistant", "content": stream.final().content})
    print(f"{len(conversation)} messages, ${spent:.7f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "auto")
