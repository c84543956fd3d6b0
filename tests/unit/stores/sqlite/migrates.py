"""A process that migrates a database as soon as it is told to: `python migrates.py DATABASE`."""

import sys

from headgate.stores.sqlite.schema import migrate

if __name__ == "__main__":
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    migrate(sys.argv[1])
