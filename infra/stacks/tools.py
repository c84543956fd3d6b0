"""AIToolsStack: each built-in tool as a function of its own."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from deployment import Deployment
from stacks.access import allow_books, allow_models, allow_secrets
from stacks.functions import PlatformFunction, dead_letter_queue
from stacks.security import SecurityStack

ASK_MODELS = ("summarize", "extract", "classify", "search")
ALONE = ("calculator", "http_request")
TIMEOUT = cdk.Duration.seconds(120)


class ToolsStack(cdk.Stack):
    """The functions, by the names of their tools.

    They share one queue of dead letters, as nobody calls them without waiting but by hand, and an
    alarm on each would cost more than it told.

    Each is called with a key of the platform, as over HTTP, so it keeps that key's books; those
    that ask no model may ask none.
    """

    def __init__(
        self, scope: Construct, name: str, *, deployment: Deployment, security: SecurityStack
    ) -> None:
        super().__init__(scope, name, description="AI platform: tools", env=deployment.environment)
        security.bound(self)
        key = kms.Key.from_key_arn(self, "Key", security.key_arn)
        self.dead_letters = dead_letter_queue(self, "ToolsDeadLetters", key)
        self.functions = {
            tool: PlatformFunction(
                self,
                _pascal(tool),
                deployment=deployment,
                key_arn=security.key_arn,
                part=f"tool-{tool}",
                description=f"The tool {tool}",
                memory_mb=deployment.tool_memory_mb,
                timeout=TIMEOUT,
                dead_letters=self.dead_letters,
            )
            for tool in (*ASK_MODELS, *ALONE)
        }
        for tool, made in self.functions.items():
            allow_books(self, made.role)
            allow_secrets(self, made.role)
            if tool in ASK_MODELS:
                allow_models(self, made.role)
        for tool, made in self.functions.items():
            cdk.CfnOutput(self, f"{_pascal(tool)}FunctionArn", value=made.function.function_arn)


def _pascal(tool: str) -> str:
    return "".join(word.capitalize() for word in tool.split("_"))
