"""`python -m headgate.bootstrap`: the process of a Lambda function, ready as soon as can be."""

import importlib
import sys

from headgate.garbage import loading


def main() -> int:
    """Run until Lambda ends the process."""
    with loading():
        function = importlib.import_module("headgate.bootstrap.function")
    status: int = function.main()
    return status


if __name__ == "__main__":
    sys.exit(main())
