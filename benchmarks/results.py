"""RESULTS.md has parts, each written by one command; it leaves the others' as they stand."""

GATEWAY_HEAD = "# Benchmark results"
MONEY_HEAD = "# The money path"
AGENTS_HEAD = "# Agent runs"
USAGE_HEAD = "# Usage at scale"
STARTS_HEAD = "# Starts"
_HEADS = (GATEWAY_HEAD, MONEY_HEAD, AGENTS_HEAD, USAGE_HEAD, STARTS_HEAD)


def with_gateway(text: str, gateway: str) -> str:
    """`text` with `gateway`, heading included, as the part about the gateway and its peers."""
    return _with(text, GATEWAY_HEAD, gateway.partition(GATEWAY_HEAD)[2])


def with_money(text: str, money: str) -> str:
    """`text` with `money`, without its heading, as the part about the money path."""
    return _with(text, MONEY_HEAD, money)


def with_agents(text: str, agents: str) -> str:
    """`text` with `agents`, without its heading, as the part that `make bench-agents` writes."""
    return _with(text, AGENTS_HEAD, agents)


def with_usage(text: str, usage: str) -> str:
    """`text` with `usage`, without its heading, as the part that `make bench-usage` writes."""
    return _with(text, USAGE_HEAD, usage)


def with_starts(text: str, starts: str) -> str:
    """`text` with `starts`, without its heading, as the part that `make cold-start` writes."""
    return _with(text, STARTS_HEAD, starts)


def _with(text: str, head: str, part: str) -> str:
    lines: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line in _HEADS:
            current = lines[line] = []
        else:
            current.append(line)
    lines[head] = part.splitlines()
    parts = [(name, "\n".join(lines[name]).strip()) for name in _HEADS if name in lines]
    return "\n\n".join(f"{name}\n\n{body}" for name, body in parts) + "\n"
