"""All routes of the platform. What is not a row here does not exist."""

from headgate.http.routes import Route
from headgate.http.rows import (
    agent_memory,
    agents,
    audit,
    dashboard,
    documents,
    keys,
    models,
    prompts,
    service_levels,
    sign_on,
    system,
    tools,
    usage,
    users,
    workspaces,
)


def routes() -> list[Route]:
    """The rows, in the order in which the document lists them."""
    rows = [*models.platform_routes(), *models.openai_routes(), *models.anthropic_routes()]
    rows += [*tools.tool_routes(), *documents.document_routes(), *agents.agent_routes()]
    rows += agent_memory.agent_memory_routes()
    rows += [*keys.key_routes(), *keys.vendor_key_routes(), *usage.usage_routes()]
    rows += workspaces.workspace_routes()
    rows += [*audit.audit_routes(), *users.user_routes()]
    rows += prompts.prompt_routes()
    rows += sign_on.sign_on_routes()
    rows += [*dashboard.session_routes(), *dashboard.live_routes(), *dashboard.watch_routes()]
    rows += service_levels.service_level_routes()
    rows += [*system.health_routes(), *system.metrics_routes()]
    rows += dashboard.dashboard_routes()
    rows += system.document_routes(rows)
    return rows
