"""What AWS charges for a deployment: list prices as data, usage as parameters, tables as output.

An estimate of the parts that matter, not a bill: it leaves out what comes to cents (the image, the
flow log, alarms by mail) and what depends on the company (taxes, discounts, traffic out beyond the
first 100 GB). `make cost` writes the tables into `docs/guides/aws.md`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "aws.md"
BEGIN, END = "<!-- made by make cost -->", "<!-- end -->"
HOURS = 730.0
SECONDS = HOURS * 3600
MILLION = 1_000_000
# More than this a month without a single request, and the design has to be looked at again.
MOST_FIXED = 45.0


@dataclass(frozen=True)
class Prices:
    """List prices in dollars, us-east-1, arm64.

    They were compared with what public repositories and documents quote of AWS's Price List and
    pricing pages, not with the pages themselves: compare them again before you rely on them.
    """

    as_of: str = "autumn 2026"
    lambda_gb_second: float = 0.0000133334
    lambda_warm_gb_second: float = 0.0000033334
    lambda_gb_second_when_warm: float = 0.0000077778
    lambda_million_calls: float = 0.20
    fargate_cpu_hour: float = 0.03238
    fargate_gb_hour: float = 0.00356
    spot_share: float = 0.30  # of the price on demand; it changes
    public_address_hour: float = 0.005
    nat_hour: float = 0.045
    nat_gb: float = 0.045
    balancer_hour: float = 0.0225
    rest_million_calls: float = 3.50
    socket_million_messages: float = 1.00
    dynamo_million_writes: float = 0.625
    dynamo_million_reads: float = 0.125
    dynamo_gb: float = 0.25
    dynamo_free_gb: float = 25.0
    dynamo_recovery_gb: float = 0.20
    log_gb: float = 0.50
    alarm: float = 0.10
    free_alarms: int = 10
    custom_metric: float = 0.30
    free_custom_metrics: int = 10
    key: float = 1.00
    secret: float = 0.40
    database_hour: float = 0.016  # db.t4g.micro
    database_gb: float = 0.115


@dataclass(frozen=True)
class Design:
    """The sizes of a deployment; the defaults are those of `deployment.py`."""

    gateway: str = "lambda"
    egress: str = "public"
    gateway_memory_mb: int = 256
    provisioned: int = 5
    tasks_min: int = 2
    tasks_on_demand: int = 1
    task_cpu: int = 256
    task_memory_mb: int = 512
    database_gb: int = 20
    alarms: int = 17
    custom_metrics: int = 5


@dataclass(frozen=True)
class Usage:
    """A month.

    Attributes:
        mean_seconds: how long a call lasts, which is what its model takes.
        writes, reads: DynamoDB's units for one call of a function that one budget limits, and of
            which nothing is known that was read within the last second. A test counts them.
        event_kb: a row of usage with its indexes.
        log_kb: what a call leaves in logs; 0.4 of it is the platform's own line.
        agent_messages: pushed over WebSockets.
    """

    requests: float = MILLION
    mean_seconds: float = 1.5
    writes: float = 22
    reads: float = 20
    event_kb: float = 2.0
    log_kb: float = 1.4
    agent_messages: float = 0


class Line(NamedTuple):
    """One part of the bill: what it costs without a request, and what requests add."""

    part: str
    fixed: float
    by_use: float


COMPARED = """
Compared with what others have quoted publicly, from AWS's Price List of September 2026: Fargate,
the database and public addresses; from AWS's pricing pages of August and September 2026: DynamoDB's
units, the NAT gateway, the secret and alarms; and from several that agree and name no date: Lambda,
API Gateway, the load balancer, logs and metrics. Not compared: the price of a key, and that of spot
capacity, which changes; 30 % of the price on demand is assumed.
"""

REFERENCE = {
    "NAT gateway": 45.00,
    "Load balancer": 16.20,
    "Fargate": 15.40,
    "Lambda": 8.20,
    "DynamoDB": 6.80,
    "CloudWatch": 4.30,
    "API Gateway": 3.50,
    "Route 53": 0.50,
}
"""What the usual design says that it pays for a million requests; it has no database, and leaves
provisioned concurrency and public addresses out."""


def bill(design: Design, usage: Usage, prices: Prices) -> list[Line]:
    """A month's bill, part by part."""
    return [
        Line("Lambda", _warm(design, prices), _functions(design, usage, prices)),
        Line("API Gateway", 0, _gateway(usage, prices)),
        Line("DynamoDB", 0, _tables(usage, prices)),
        Line("Fargate", _tasks(design, prices), 0),
        Line("Public addresses", _addresses(design, prices), 0),
        Line("NAT gateway", HOURS * prices.nat_hour if design.egress == "nat" else 0, 0),
        Line("Load balancer", HOURS * prices.balancer_hour if design.gateway == "ecs" else 0, 0),
        Line("Database", _database(design, prices), 0),
        Line("CloudWatch", _alarms(design, prices), usage.requests * _gb(usage.log_kb) * 0.5),
        Line("KMS and secrets", prices.key + prices.secret, 0),
    ]


def fixed(lines: Sequence[Line]) -> float:
    """What is paid without a request."""
    return sum(line.fixed for line in lines)


def total(lines: Sequence[Line]) -> float:
    """What is paid."""
    return sum(line.fixed + line.by_use for line in lines)


def parts_of_both(lines: Sequence[Line]) -> list[Line]:
    """What the usual design has too, which keeps no function warm."""
    return [
        line._replace(fixed=0) if line.part == "Lambda" else line
        for line in lines
        if line.part in REFERENCE
    ]


def break_even_seconds(usage: Usage, prices: Prices) -> float:
    """The mean length of a call from which tasks serve the gateway more cheaply than functions."""
    step = 0.1
    seconds = 0.0
    while seconds < 900:
        here = replace(usage, mean_seconds=seconds)
        if total(bill(ON_TASKS, here, prices)) < total(bill(Design(), here, prices)):
            return round(seconds, 1)
        seconds += step
    return seconds


# Where tasks answer HTTP, functions answer WebSockets alone, and none is kept warm for these.
ON_TASKS = Design(gateway="ecs", provisioned=0)


def _warm(design: Design, prices: Prices) -> float:
    return design.provisioned * _memory(design) * SECONDS * prices.lambda_warm_gb_second


def _functions(design: Design, usage: Usage, prices: Prices) -> float:
    """Calls, where functions answer them; as long as few come at once, warm copies do."""
    if design.gateway == "ecs":
        return 0.0
    rate = prices.lambda_gb_second_when_warm if design.provisioned else prices.lambda_gb_second
    duration = usage.requests * usage.mean_seconds * _memory(design) * rate
    return duration + usage.requests / MILLION * prices.lambda_million_calls


def _gateway(usage: Usage, prices: Prices) -> float:
    messages = usage.agent_messages / MILLION * prices.socket_million_messages
    return usage.requests / MILLION * prices.rest_million_calls + messages


def _tables(usage: Usage, prices: Prices) -> float:
    units = usage.writes * prices.dynamo_million_writes + usage.reads * prices.dynamo_million_reads
    stored = usage.requests * _gb(usage.event_kb)
    kept = max(0.0, stored - prices.dynamo_free_gb) * prices.dynamo_gb
    return usage.requests / MILLION * units + kept + stored * prices.dynamo_recovery_gb


def _tasks(design: Design, prices: Prices) -> float:
    cpu = design.task_cpu / 1024 * prices.fargate_cpu_hour
    hour = cpu + design.task_memory_mb / 1024 * prices.fargate_gb_hour
    on_demand = min(design.tasks_on_demand, design.tasks_min)
    on_spot = design.tasks_min - on_demand
    return _services(design) * HOURS * hour * (on_demand + on_spot * prices.spot_share)


def _addresses(design: Design, prices: Prices) -> float:
    if design.egress == "ipv6":
        return 0.0
    tasks = design.tasks_min * _services(design) if design.egress == "public" else 1
    return tasks * HOURS * prices.public_address_hour


def _database(design: Design, prices: Prices) -> float:
    return HOURS * prices.database_hour + design.database_gb * prices.database_gb


def _alarms(design: Design, prices: Prices) -> float:
    metrics = max(0, design.custom_metrics - prices.free_custom_metrics) * prices.custom_metric
    return max(0, design.alarms - prices.free_alarms) * prices.alarm + metrics


def _services(design: Design) -> int:
    return 2 if design.gateway == "ecs" else 1


def _memory(design: Design) -> float:
    return design.gateway_memory_mb / 1024


def _gb(kilobytes: float) -> float:
    return kilobytes / MILLION


def tables() -> str:
    """All tables, as Markdown."""
    prices, usage = Prices(), Usage()
    return "\n\n".join(
        [
            f"List prices of us-east-1 as of {prices.as_of}, in dollars a month.",
            COMPARED.strip(),
            _bill_table(usage, prices),
            _sizes_table(usage, prices),
            _break_even_table(usage, prices),
        ]
    )


def _bill_table(usage: Usage, prices: Prices) -> str:
    lines = bill(Design(), usage, prices)
    rows = [
        f"| {line.part} | {_usd(line.fixed)} | {_usd(line.by_use)} |"
        f" {_usd(REFERENCE.get(line.part, 0))} |"
        for line in lines
        if line.fixed or line.by_use or line.part in REFERENCE
    ]
    others = [part for part in REFERENCE if part not in {line.part for line in lines}]
    rows += [f"| {part} | - | - | {_usd(REFERENCE[part])} |" for part in others]
    sums = (fixed(lines), total(lines) - fixed(lines), sum(REFERENCE.values()))
    rows.append(f"| **all** | {' | '.join(f'**{_usd(one)}**' for one in sums)} |")
    both = parts_of_both(lines)
    same = (fixed(both), total(both) - fixed(both), sum(REFERENCE.values()))
    rows.append(f"| the parts that are in the usual design | {' | '.join(map(_usd, same))} |")
    return "\n".join(
        [
            f"One million requests of {usage.mean_seconds:g} s each:",
            "",
            "| part | without a request | by use | the usual design |",
            "|---|---:|---:|---:|",
            *rows,
        ]
    )


def _sizes_table(usage: Usage, prices: Prices) -> str:
    cold = Design(provisioned=0)
    rows = []
    for requests in (500, 5_000, 50_000, MILLION):
        month = replace(usage, requests=requests)
        warm = total(bill(Design(), month, prices))
        rows.append(f"| {requests:,} | {_usd(warm)} | {_usd(total(bill(cold, month, prices)))} |")
    return "\n".join(
        [
            "By the size of the customer:",
            "",
            "| requests a month | as it is | with `provisioned=0` |",
            "|---:|---:|---:|",
            *rows,
        ]
    )


def _break_even_table(usage: Usage, prices: Prices) -> str:
    even = break_even_seconds(usage, prices)
    rows = []
    for seconds in (0.5, 1, 2, 3, 5, 10, 20):
        month = replace(usage, mean_seconds=seconds)
        on_lambda = total(bill(Design(), month, prices))
        on_tasks = total(bill(ON_TASKS, month, prices))
        rows.append(f"| {seconds:g} s | {_usd(on_lambda)} | {_usd(on_tasks)} |")
    return "\n".join(
        [
            f"By the mean length of a call, one million a month. From {even:g} s on, `gateway=ecs`",
            "with `provisioned=0` is cheaper:",
            "",
            "| a call lasts | on Lambda | on ECS |",
            "|---:|---:|---:|",
            *rows,
        ]
    )


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount else "-"


def with_tables(guide: str) -> str:
    """The guide's text with the tables as they are now."""
    before, _, rest = guide.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or write them into the guide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them into the guide")
    if parser.parse_args(arguments).write:
        GUIDE.write_text(with_tables(GUIDE.read_text()))
    else:
        print(tables())
    return 0


if __name__ == "__main__":
    sys.exit(main())
