"""The platform's five stacks; `npx cdk deploy --all` puts them into the account at hand."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from deployment import Deployment
from stacks.agents import AgentsStack
from stacks.gateway import GatewayStack
from stacks.monitoring import MonitoringStack
from stacks.security import SecurityStack
from stacks.tools import ToolsStack


def build(app: cdk.App) -> cdk.App:
    """Add the stacks to `app`; they can be deployed one by one, in this order, or all at once."""
    deployment = Deployment.load(app.node.try_get_context)
    security = SecurityStack(app, "AISecurityStack", deployment=deployment)
    tools = ToolsStack(app, "AIToolsStack", deployment=deployment, security=security)
    agents = AgentsStack(app, "AIAgentsStack", deployment=deployment, security=security)
    gateway = GatewayStack(
        app, "AIGatewayStack", deployment=deployment, security=security, agents=agents
    )
    MonitoringStack(
        app,
        "AIMonitoringStack",
        deployment=deployment,
        security=security,
        gateway=gateway,
        tools=tools,
        agents=agents,
    )
    cdk.Tags.of(app).add("application", "ai-platform")
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


if __name__ == "__main__":
    build(cdk.App()).synth()
