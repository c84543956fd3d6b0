"""RESULTS.md has two parts, written by two commands; each leaves the other's as it stands."""

USAGE_HEAD = "# Usage at scale\n"


def with_gateway(text: str, gateway: str) -> str:
    """`text` with `gateway` as the part that `make bench` writes."""
    usage = text.partition(USAGE_HEAD)
    return f"{gateway.rstrip()}\n" + (f"\n{USAGE_HEAD}{usage[2]}" if usage[1] else "")


def with_usage(text: str, usage: str) -> str:
    """`text` with `usage`, without its heading, as the part that `make bench-usage` writes."""
    gateway = text.partition(USAGE_HEAD)[0].rstrip()
    return f"{gateway}\n\n{USAGE_HEAD}\n{usage.strip()}\n".lstrip()
