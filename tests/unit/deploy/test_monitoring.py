"""The alert rules and the Grafana dashboard name what there is, and every alert has its page."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from headgate.bootstrap.metrics_page import AREAS, told_names
from headgate.core.measurements import Metric

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
METRICS: Mapping[str, Metric] = {
    name: metric for _, metrics in AREAS for metric in metrics for name in told_names(metric)
}
# Labels that Prometheus itself adds, and the one of a histogram's classes.
OTHERS = {"job", "instance", "le"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    found = json.loads((ROOT / "deploy" / "grafana" / "headgate.json").read_text())["panels"]
    return found


def expressions() -> list[str]:
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


def wrong_in(expression: str) -> list[str]:
    """Names that the platform does not tell, and brackets that do not close."""
    names = re.findall(r"\bheadgate_\w+", expression)
    wrong = [name for name in names if name not in METRICS]
    known = {label for name in names if name in METRICS for label in METRICS[name].labels}
    used = set(re.findall(r"(\w+)\s*=~?\s*\"", expression))
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        used |= {label.strip() for label in group.split(",")}
    wrong += sorted(used - known - OTHERS)
    return wrong + [pair for pair in ("()", "{}", "[]") if not _closes(expression, *pair)]


def _closes(text: str, left: str, right: str) -> bool:
    return text.count(left) == text.count(right)


def test_what_is_asked_of_prometheus_is_what_the_platform_tells() -> None:
    wrong = {each: found for each in expressions() if (found := wrong_in(each))}
    assert not wrong
    assert len(expressions()) > 40


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(headgate_nothing_total[5m]))",
        'headgate_circuit{vendor="x"}',
        "sum by (user) (headgate_agent_runs)",
        "sum(headgate_agent_runs",
        "headgate_model_call_seconds",
    ],
)
def test_a_mistake_in_an_expression_is_found(expression: str) -> None:
    assert wrong_in(expression)


def test_every_counted_thing_is_on_the_dashboard_of_grafana() -> None:
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    missing = [
        metric.name
        for _, metrics in AREAS
        for metric in metrics
        if not re.search(rf"\b{metric.name}(_total|_bucket)?\b", shown)
    ]
    assert not missing


def test_panels_have_ids_of_their_own_and_lie_beside_each_other() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_alert_has_a_page_that_says_what_it_means_and_what_to_do() -> None:
    for rule in rules():
        page = ROOT / rule["annotations"]["runbook"]
        words = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"]).lower()
        assert page == RUNBOOKS / f"{words}.md"
        text = page.read_text()
        assert text.startswith(f"# {rule['alert']}\n")
        assert "## What to look at\n" in text
        assert "## What to do\n" in text
        assert f"]({words}.md)" in (RUNBOOKS / "README.md").read_text()


def test_no_page_of_an_alert_outlives_it() -> None:
    named = {rule["alert"] for rule in rules()}
    pages = {path.read_text().split("\n")[0] for path in RUNBOOKS.glob("headgate-*.md")}
    assert pages == {f"# {name}" for name in named}


def test_every_alert_says_how_bad_it_is_and_what_happens() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


def test_prometheus_is_told_where_the_rules_and_the_platform_are() -> None:
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert [(PROMETHEUS / name).exists() for name in settings["rule_files"]] == [True]
    assert [job["job_name"] for job in settings["scrape_configs"]] == ["headgate"]
