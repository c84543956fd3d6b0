"""The stacks as CloudFormation would see them, and questions to them."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aws_cdk as cdk
import cfnlint.api

from app import build

STACKS = (
    "AISecurityStack",
    "AIToolsStack",
    "AIAgentsStack",
    "AIGatewayStack",
    "AIMonitoringStack",
)
# What stands for the zip that `make bundle` writes: an archive without files.
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


class Resource(NamedTuple):
    """A resource of a template."""

    stack: str
    name: str
    kind: str
    content: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        """What it is made with."""
        found: Mapping[str, Any] = self.content.get("Properties", {})
        return found


class Stacks(NamedTuple):
    """All templates of a deployment by the names of their stacks, and where they were written."""

    directory: Path
    templates: Mapping[str, Mapping[str, Any]]

    def of(self, kind: str, stack: str | None = None) -> list[Resource]:
        """The resources of a type, in all stacks or in one."""
        return [
            Resource(name, key, content["Type"], content)
            for name, template in self.templates.items()
            if stack in {None, name}
            for key, content in template["Resources"].items()
            if content["Type"] == kind
        ]

    def one(self, kind: str, stack: str | None = None) -> Mapping[str, Any]:
        """The properties of the only resource of a type."""
        (found,) = self.of(kind, stack)
        return found.properties

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """What a stack says when it is deployed, without what others import."""
        return {
            name: value["Value"]
            for name, value in self.templates[stack]["Outputs"].items()
            if not name.startswith("Exports")
        }

    def statements(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each thing that a role is allowed, with the role's stack and name."""
        for policy in self.of("AWS::IAM::Policy"):
            for role in policy.properties["Roles"]:
                for statement in policy.properties["PolicyDocument"]["Statement"]:
                    yield f"{policy.stack}/{role.get('Ref', role)}", statement


def write(directory: Path, **switches: object) -> Stacks:
    """Write the stacks of a deployment; no account is asked and nothing is built."""
    directory.mkdir(parents=True, exist_ok=True)
    bundle = directory / "headgate.zip"
    bundle.write_bytes(EMPTY_ZIP)
    out = directory / "out"
    context = {"bundle": str(bundle), **switches}
    assembly = build(cdk.App(outdir=str(out), context=context)).synth()
    written = {stack.stack_name: Path(stack.template_full_path) for stack in assembly.stacks}
    return Stacks(out, {name: json.loads(path.read_text()) for name, path in written.items()})


def complaints(template: Mapping[str, Any]) -> Sequence[str]:
    """What cfn-lint finds wrong in a template."""
    return _complaints(json.dumps(template))


@functools.cache
def _complaints(template: str) -> Sequence[str]:
    # Most switches leave most stacks as they are, and each takes seconds.
    found = cfnlint.api.lint(template, config={"regions": ["us-east-1"]})
    # W3005 is the CDK's own way to write dependencies twice.
    return [str(one) for one in found if one.rule.id != "W3005"]


def listed(value: object) -> list[Any]:
    """A value that a policy writes alone where there is one."""
    return value if isinstance(value, list) else [value]
