"""The stacks without what MiniStack does not know.

What is left out is said here with its reason, and is left out only there: the templates are held
to their promises elsewhere.
"""

import json
from pathlib import Path
from typing import Any

NOT_EMULATED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "not known",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "not known",
    "AWS::EC2::FlowLog": "not known",
    "AWS::ECS::ClusterCapacityProviderAssociations": "not known",
}
"""Types of resources that MiniStack rejects, and why."""


def rewrite(directory: Path) -> dict[str, list[str]]:
    """Leave out what is not emulated; gives the names of what was left out, by stack."""
    left_out = {}
    for path in sorted(directory.glob("*.template.json")):
        template = json.loads(path.read_text())
        resources = template["Resources"]
        gone = {name for name, one in resources.items() if one["Type"] in NOT_EMULATED}
        template["Resources"] = {n: one for n, one in resources.items() if n not in gone}
        path.write_text(json.dumps(_without(template, gone), indent=1))
        left_out[path.name.partition(".")[0]] = sorted(gone)
    return left_out


def _without(value: Any, gone: set[str]) -> Any:
    """The same without what names one of `gone`; where a value is wanted, its name stands."""
    if isinstance(value, list):
        return [_without(one, gone) for one in value if not (isinstance(one, str) and one in gone)]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in gone:
        return value["Ref"]
    if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in gone:
        return f"{value['Fn::GetAtt'][0]}-{value['Fn::GetAtt'][1]}"
    return {
        name: _without(one, gone)
        for name, one in value.items()
        if not (name == "DependsOn" and one in list(gone))
    }
