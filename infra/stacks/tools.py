"""AIToolsStack: each built-in tool as a function of its own."""

import aws_cdk as cdk
from constructs import Construct

from deployment import PREFIX, Deployment
from stacks.functions import PlatformFunction
from stacks.security import SecurityStack

TOOLS = ("summarize", "extract", "classify", "search", "calculator", "http_request")
TIMEOUT = cdk.Duration.seconds(120)


class ToolsStack(cdk.Stack):
    """The functions, by the names of their tools."""

    def __init__(
        self, scope: Construct, name: str, *, deployment: Deployment, security: SecurityStack
    ) -> None:
        super().__init__(
            scope, name, description="AI platform: tools", env=deployment.environment
        )
        self.functions = {
            tool: PlatformFunction(
                self,
                _pascal(tool),
                deployment=deployment,
                key_arn=security.key_arn,
                part=f"tool:{tool}",
                description=f"The tool {tool}",
                memory_mb=deployment.tool_memory_mb,
                timeout=TIMEOUT,
                function_name=f"{PREFIX}-tool-{tool.replace('_', '-')}",
            )
            for tool in TOOLS
        }
        for tool, made in self.functions.items():
            cdk.CfnOutput(self, f"{_pascal(tool)}FunctionArn", value=made.function.function_arn)


def _pascal(tool: str) -> str:
    return "".join(word.capitalize() for word in tool.split("_"))
