"""The cost model and `headgate deploy` know the deployment that is written."""

import json
import re
from dataclasses import fields
from pathlib import Path

from templates import STACKS, write

import toolkit
from cost import Design
from deployment import Deployment


def test_the_model_has_the_sizes_of_the_deployment(tmp_path: Path) -> None:
    deployment, design = Deployment(region="us-east-1"), Design()
    counted = {"alarms", "custom_metrics"}
    same = [one.name for one in fields(Design) if one.name not in counted]
    assert {name: getattr(design, name) for name in same} == {
        name: getattr(deployment, name) for name in same
    }
    stacks = write(tmp_path, region="us-east-1")
    assert len(stacks.of("AWS::CloudWatch::Alarm")) == design.alarms
    board = json.dumps(stacks.one("AWS::CloudWatch::Dashboard"))
    assert len(set(re.findall(r'AIPlatform\\*",\\*"(\w+)', board))) == design.custom_metrics


def test_headgate_deploy_knows_every_switch_and_stack() -> None:
    """The region is the account's at hand."""
    assert {*toolkit.SWITCHES, "region"} == {one.name for one in fields(Deployment)}
    assert toolkit.STACKS == STACKS
