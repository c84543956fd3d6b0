"""Headgate beside its peers and the upstream itself, in one run, written to RESULTS.md.

One contender lives at a time, alone on one core; nginx, wrk and this script share another. Every
round starts each contender anew, in turning order, so that a machine that slows down or speeds up
does so for all of them.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ensure
import load
import peers
import process
import report
import upstream
from results import with_gateway
from upstream import Body

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
METHOD = HERE / "method.md"
REPEATS = 2
"""How often a load is repeated while other programs disturb it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often, and where."""

    contenders: tuple[str, ...]
    rounds: int
    seconds: int
    warm_up_seconds: int
    own_core: int
    load_core: int
    directory: Path


@dataclass(slots=True)
class Target:
    """Something that answers: a contender, or the upstream itself.

    `answered` counts the good answers that it gave, `cut_off` the most calls that were under way
    when a load ended.
    """

    name: str
    base_url: str
    headers: peers.Headers
    served_by: process.Process
    answered: int = 0
    cut_off: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """A running upstream, and what has been measured in front of it so far."""

    plan: Plan
    vendor: upstream.Upstream
    nginx: process.Process
    results: report.Results

    def live(self, name: str, body: Body) -> None:
        """One life of a contender: started, tried, warmed up, loaded, counted, ended."""
        vendor_url = self.vendor.base_url(body)
        if name == peers.DIRECT:
            self._load(Target(name, vendor_url, peers.direct_headers(), self.nginx), body)
            return
        (port,) = process.free_ports(1)
        with tempfile.TemporaryDirectory(dir=self.plan.directory) as directory:
            peer = peers.PEERS[name](port, vendor_url, Path(directory))
            with process.running(
                peer.command,
                peer.environment,
                core=self.plan.own_core,
                health=(port, peer.health_path),
                log=Path(directory) / "log",
            ) as started:
                ready_bytes = started.resident_bytes()
                target = Target(name, peer.base_url, peer.sign_in(), started)
                self._load(target, body)
                life = report.Life(started.seconds_to_ready, ready_bytes, started.resident_bytes())
                self.results.lives.setdefault(name, []).append(life)
                if peer.recorded is not None:
                    count = report.Count(target.answered, peer.recorded(), target.cut_off)
                    self.results.counts.append(count)

    def _load(self, target: Target, body: Body) -> None:
        """Try a target with one call, warm it up, then load it with each number of connections."""
        self._try(target, body)
        most = max(report.CONNECTIONS)
        seconds = self.plan.warm_up_seconds
        warm_up = self._sample(target, report.Scenario(body, most), seconds)
        for connections in report.CONNECTIONS:
            scenario = report.Scenario(body, connections)
            # One core serves its callers in turn, so fewer of them wait for less.
            wait_seconds = warm_up.load.p50_ms / 1e3 * connections / most
            seconds = report.long_enough(self.plan.seconds, wait_seconds)
            self.results.add(target.name, scenario, self._undisturbed(target, scenario, seconds))

    def _try(self, target: Target, body: Body) -> None:
        """Make sure that a target answers, and gives all that the upstream said."""
        url = f"{target.base_url}{upstream.CHAT_PATH}"
        answer = peers.fetch(url, target.headers, load.question(body))
        if not upstream.is_whole(body, answer):
            raise peers.Refused(f"{target.name} changed the upstream's answer: {answer[:2000]!r}")
        target.answered += 1

    def _undisturbed(
        self, target: Target, scenario: report.Scenario, seconds: int
    ) -> report.Sample:
        """A sample during which the machine was ours; the last one where it never is."""
        sample = self._shown(target, scenario, seconds)
        for _ in range(REPEATS):
            # A failure stays, whatever else happened.
            if sample.load.failed or sample.foreign_share <= report.FOREIGN_SHARE:
                break
            sample = self._shown(target, scenario, seconds)
        return sample

    def _shown(self, target: Target, scenario: report.Scenario, seconds: int) -> report.Sample:
        """A sample, with a line for whoever waits for the results."""
        sample = self._sample(target, scenario, seconds)
        print(
            f"{target.name:9} {scenario!s:32} {sample.load.per_second:10,.0f} requests/s, "
            f"p50 {sample.load.p50_ms:8.2f} ms, {sample.load.failed} failed, "
            f"{sample.foreign_share:.1%} used by others",
            flush=True,
        )
        return sample

    def _sample(self, target: Target, scenario: report.Scenario, seconds: int) -> report.Sample:
        # wrk leaves calls behind when it ends; one load must not pay for the last.
        target.served_by.settle()
        cores = (self.plan.own_core, self.plan.load_core)
        processes = {target.served_by, self.nginx}

        def used_by_us() -> float:
            return process.own_cpu_seconds() + sum(each.cpu_seconds() for each in processes)

        ours, busy = used_by_us(), process.busy_seconds(cores)
        served = target.served_by.cpu_seconds()
        seen = load.run(
            f"{target.base_url}{upstream.CHAT_PATH}",
            load.script(scenario.body, target.headers),
            connections=scenario.connections,
            seconds=seconds,
            core=self.plan.load_core,
            directory=self.plan.directory,
        )
        served = target.served_by.cpu_seconds() - served
        foreign = (process.busy_seconds(cores) - busy) - (used_by_us() - ours)
        target.answered += seen.answered
        target.cut_off += scenario.connections
        return report.Sample(seen, served, max(0.0, foreign) / (seen.seconds * len(cores)))


def main() -> int:
    """Run the command; its exit status."""
    options = _options()
    status = 0 if options.money_path else _compare(options)
    # In a process of its own: it shares no thread and no memory with this one.
    money_path = [sys.executable, str(HERE / "money_path.py"), "--output", str(options.output)]
    return status or subprocess.run(money_path, check=False).returncode


def _compare(options: argparse.Namespace) -> int:
    """Measure all contenders; the exit status."""
    try:
        ensure.programs()
    except ensure.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    absent = _absent(options.without)
    cores = process.two_cores()
    if cores is None:
        print("The benchmark needs two cores: one is the contender's alone.", file=sys.stderr)
        return 2
    # Children inherit this, and what belongs on the other core is sent there.
    os.sched_setaffinity(0, {cores[1]})
    names = [peers.DIRECT, *(name for name in peers.PEERS if name not in absent)]
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
        plan = Plan(
            contenders=tuple(names),
            rounds=options.rounds,
            seconds=options.seconds,
            warm_up_seconds=options.warm_up,
            own_core=cores[0],
            load_core=cores[1],
            directory=Path(directory),
        )
        try:
            results = measure(plan)
        except (process.NeverReady, peers.Refused) as failure:
            print(failure, file=sys.stderr)
            return 1
    results.absent.update(absent)
    text = options.output.read_text() if options.output.exists() else ""
    rendered = report.render(results, environment(plan), METHOD.read_text())
    options.output.write_text(with_gateway(text, rendered))
    print(f"{report.summary(results)}\nWritten to {options.output}.")
    # A noisy machine is no failure of the command; a lost call is.
    return 0 if results.is_exact() else 1


def _absent(without: Sequence[str]) -> dict[str, str]:
    """The peers that cannot be measured, each with the reason; the others are installed."""
    absent: dict[str, str] = {}
    for name, install in ensure.PEERS.items():
        if name.lower() in without:
            absent[name] = "it was left out"
            continue
        try:
            install()
        except ensure.Missing as missing:
            absent[name] = str(missing)
            print(f"{name} is not measured: {missing}", file=sys.stderr)
    return absent


def measure(plan: Plan) -> report.Results:
    """All rounds of all contenders.

    Raises:
        process.NeverReady: a contender does not start.
        peers.Refused: it starts, but does not answer as it should.
    """
    ports = process.free_ports(len(upstream.BODIES))
    vendor = upstream.configure(plan.directory, dict(zip(upstream.BODIES, ports, strict=True)))
    with process.running(
        vendor.command(),
        os.environ,
        core=plan.load_core,
        health=(ports[0], "/health"),
        log=plan.directory / "nginx.log",
    ) as nginx:
        bench = Bench(plan, vendor, nginx, report.Results())
        for number in range(plan.rounds):
            turn = number % len(plan.contenders)
            for body in upstream.BODIES:
                for name in plan.contenders[turn:] + plan.contenders[:turn]:
                    bench.live(name, body)
    return bench.results


def environment(plan: Plan) -> dict[str, str]:
    """Where and with what this ran."""
    versions = {"Headgate": importlib.metadata.version("headgate"), "commit": _commit()}
    if peers.LITELLM in plan.contenders:
        ask = "import importlib.metadata as m; print(m.version('litellm'))"
        versions["LiteLLM"] = _said([str(peers.LITELLM_VENV / "bin" / "python"), "-c", ask])
    if peers.PORTKEY in plan.contenders:
        package = json.loads((peers.PORTKEY_PACKAGE / "package.json").read_text())
        node = _said([str(peers.PORTKEY_NODE), "--version"]).removeprefix("v")
        versions["Portkey"] = f"{package['version']} on Node {node}"
    versions["nginx"] = _said(["nginx", "-v"]).rpartition("/")[2]
    versions["wrk"] = _said(["wrk", "-v"]).split()[1].rpartition("/")[2]
    return {
        "Date": _date(),
        "CPU": f"{_cpu()}, {os.cpu_count()} cores, "
        f"contender on {plan.own_core}, nginx and wrk on {plan.load_core}",
        "System": f"Linux {platform.release()}, Python {platform.python_version()}",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Rounds": f"{plan.rounds} of at least {plan.seconds} s in each scenario; "
        f"{plan.warm_up_seconds} s of warm-up on {max(report.CONNECTIONS)} connections",
    }


def described() -> str:
    """When and on what machine this runs, in a line."""
    return f"{_date()}, commit {_commit()}, {_cpu()}, Python {platform.python_version()}"


def _date() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cpu() -> str:
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0]
    return cpu.strip(" \t:") or platform.machine()


def _commit() -> str:
    try:
        return _said(["git", "-C", str(HERE), "describe", "--always", "--dirty"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _said(command: Sequence[str]) -> str:
    """What a program prints; wrk prints its version with an exit status of 1."""
    is_wrk = command[0] == "wrk"
    ended = subprocess.run(command, check=not is_wrk, capture_output=True, text=True)
    return (ended.stdout or ended.stderr).strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--seconds", type=int, default=8, help="of load in each scenario and round")
    parser.add_argument("--warm-up", type=int, default=3, help="seconds before each round")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[name.lower() for name in ensure.PEERS],
        help="do not install or measure this peer; may be repeated",
    )
    parser.add_argument(
        "--money-path", action="store_true", help="measure only the money path, without peers"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
