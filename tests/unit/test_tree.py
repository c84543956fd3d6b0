"""The source tree keeps its shape: each module has its test, and none grows without end."""

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "headgate"
UNIT = Path(__file__).parent
MOST_LINES = 600

TESTED_ELSEWHERE = {
    "aws_settings.py": "data; test_settings.py and test_settings_pages.py read it",
    "named_services.py": "test_settings.py loads them from files and variables",
    "strict_toml.py": "test_configuration.py reads files by it, and makes each mistake",
    "providers/price_table/types.py": "providers/price_table/test_table.py reads the package by it",
    "cli/findings.py": "values; cli/test_doctor.py and cli/test_prompts.py print them",
    "bootstrap/__main__.py": "test_function.py shows what its start loads",
    "aws/secret_names.py": "data; test_parameters.py holds it to the settings",
    "bootstrap/lifespan.py": "test_platform.py and test_function.py live by it",
    "agents/journal.py": "agents/test_runs.py follows runs through it",
    "agents/outcomes.py": "values; agents/test_steps.py and others show what becomes of them",
    "agents/performer.py": "agents/test_steps.py and test_runs.py show runs from start to end",
    "agents/types.py": "test_react.py, test_research.py and others show the built-in ones",
    "agents/work.py": "agents/test_react.py and test_runs.py show what agents can do",
    "http/audited.py": "values; http/test_auditing.py walks all rows that have them",
    "http/acts.py": "data; http/test_auditing.py asks for each of them",
    "stores/memory_audit.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/audit.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/audit.py": "tests/contract holds every adapter to its port",
    "core/erasures.py": "values and a port; tests/contract holds its adapters to it",
    "stores/sqlite/erasures_schema.py": "tests/contract works on the table",
    "stores/sqlite/user_data.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/user_data.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/user_accounts.py": "a part of user_data.py",
    "stores/dynamodb/user_events.py": "a part of user_data.py",
    "core/sockets.py": "values and ports; tests/contract and aws/test_connections.py",
    "stores/memory_sockets.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/sockets.py": "tests/contract holds every adapter to its port",
    "http/sockets/remote_request.py": "sockets/test_remote.py shows what becomes of requests",
    "core/sign_on.py": "values and a port; identity/test_sign_on.py shows who gets which role",
    "core/memory.py": "values and a port; tests/contract holds its adapters to it",
    "stores/memory_memories.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/memories.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/memories_schema.py": "tests/contract works on the tables",
    "core/tracing.py": "ports; telemetry/test_tracing.py shows their adapter",
    "core/watching.py": "a port; telemetry/test_tracing.py shows an adapter",
    "gateway/failures.py": "test_gateway.py shows what callers are told",
    "bootstrap/service_levels.py": "test_platform.py and http/test_service_levels.py run it",
    "core/episodes.py": "a port; tests/contract holds its adapters to it",
    "stores/memory_episodes.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/episodes.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/service_schema.py": "tests/contract works on the tables",
    "stores/dynamodb/episodes.py": "tests/contract holds every adapter to its port",
    "core/service_levels.py": "usage/test_service_levels.py shows the arithmetic",
    "stores/memory_service_levels.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/service_levels.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/service_levels.py": "tests/contract holds every adapter to its port",
    "core/run_queue.py": "a value and a port; tests/contract holds its adapters to it",
    "stores/memory_run_queue.py": "tests/contract holds every adapter to its port",
    "core/durable.py": "ports; tests/contract holds the engines to them",
    "core/runs.py": "values and a port; tests/contract holds its adapters to it",
    "engine/executors.py": "scenarios/test_agents_on_postgres.py kills the others",
    "agents/run_counts.py": "scenarios/test_agents.py asks for the metrics",
    "bootstrap/agent_relay.py": "scenarios/test_agents.py reaches agents through it",
    "bootstrap/agents.py": "scenarios/test_agents.py runs what it puts together",
    "stores/memory_runs.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/runs.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/runs_schema.py": "tests/contract works on the tables",
    "bootstrap/sample_data.py": "scenarios/test_sample_data.py loads it and takes it out",
    "bootstrap/sample_runs.py": "test_platform.py loads them, and browsers show them",
    "bootstrap/services.py": "test_platform.py shows what it puts together",
    "bootstrap/stores.py": "test_platform.py opens and checks both stores",
    "bootstrap/store_ports.py": "values and a port; test_platform.py opens and checks both stores",
    "bootstrap/sqlite_stores.py": "test_platform.py opens and checks both stores",
    "bootstrap/dynamodb_stores.py": "test_platform.py opens and checks both stores",
    "http/rows": "rows of data; test_table.py walks all of them",
    "core/answers.py": "values and a port; tests/contract holds its adapters to it",
    "core/documents.py": "values and ports; tests/contract holds the adapters to them",
    "core/process.py": "values and a port; telemetry/test_process.py shows its adapter",
    "core/sessions.py": "values and a port; test_file_tickets.py shows its adapter",
    "sections.py": "test_configuration.py reads them as parts of the file",
    "core/fetching.py": "a value and a port; transport/test_fetcher.py shows its adapter",
    "core/tool_serving.py": "a value and a port; mcp/test_server.py shows its adapter",
    "core/measurements.py": "a value and a port; tools/test_toolbox.py shows what is measured",
    "tools/noting.py": "tools/test_toolbox.py shows what it notes",
    "core/cache.py": "ports; tests/contract holds their adapters to them",
    "core/workspaces.py": "values and a port; tests/contract holds its adapters to it",
    "stores/memory_workspaces.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/workspaces.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/workspaces.py": "tests/contract holds every adapter to its port",
    "bootstrap/workspaces.py": "bootstrap/test_tools.py holds a workspace to its hosts by it",
    "core/vendor_keys.py": "values and ports; tests/contract holds their adapters to them",
    "core/embeddings.py": "values without behaviour",
    "core/limits.py": "values and a port; tests/contract holds its adapters to it",
    "core/metered.py": "ports without behaviour",
    "core/tools.py": "values and ports, without behaviour",
    "core/models.py": "ports and their errors, without behaviour",
    "gateway/books.py": "the arithmetic that test_escrow.py shows",
    "gateway/works.py": "test_tool_calls.py shows the work of a tool",
    "gateway/flights.py": "test_replays.py shows calls in flight to those who wait for them",
    "http/error_bodies.py": "values without behaviour; test_openapi.py compares them with errors",
    "http/sockets/exchange.py": "sockets/test_conversation.py shows what becomes of requests",
    "http/services.py": "fields without behaviour",
    "transport/connection.py": "test_http.py speaks over it",
    "stores/dynamodb/answers.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/answers.py": "tests/contract holds every adapter to its port",
    "stores/memory_answers.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/alerts.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/alerts.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/accounts.py": "the items that dynamodb/test_ledger.py and the contract show",
    "stores/dynamodb/erasing.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/leases.py": "the items that dynamodb/test_ledger.py and the contract show",
    "stores/dynamodb/schema.py": "data; test_tables.py makes the tables of it",
    "stores/dynamodb/bodies.py": "dynamodb/test_runs.py keeps what is longer than an item",
    "stores/dynamodb/memories.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/run_commands.py": "dynamodb/test_runs.py gives commands, many at once",
    "stores/dynamodb/run_items.py": "the items that dynamodb/test_runs.py and the contract show",
    "stores/dynamodb/recalls.py": "tests/contract holds every adapter to its port",
    "stores/dynamodb/vendor_keys.py": "tests/contract holds every adapter to its port",
    "stores/memory_vendor_keys.py": "tests/contract holds every adapter to its port",
    "stores/memory_documents.py": "tests/contract holds every adapter to its port",
    "stores/sqlite/documents_schema.py": "statements; sqlite/test_documents.py runs them",
    "stores/sqlite/vendor_keys.py": "tests/contract holds every adapter to its port",
    "stores/memory.py": "tests/contract holds every adapter to its port",
    "core/usage.py": "values and a port; tests/contract holds its adapters to it",
}


def modules() -> list[Path]:
    """All modules but those that only mark a package, as paths below `src/headgate`."""
    paths = (path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
    return sorted(path for path in paths if path.name != "__init__.py")


def unit_test_of(module: Path) -> Path:
    return UNIT / module.parent / f"test_{module.name}"


def is_tested_elsewhere(module: Path) -> bool:
    return any(str(place) in TESTED_ELSEWHERE for place in (module, *module.parents))


def test_every_module_has_its_unit_test() -> None:
    """`core/money.py` is tested by `tests/unit/core/test_money.py`."""
    missing = [
        str(module)
        for module in modules()
        if not is_tested_elsewhere(module) and not unit_test_of(module).exists()
    ]
    assert not missing


def test_no_exception_stands_longer_than_its_reason() -> None:
    present = {str(place) for module in modules() for place in (module, *module.parents)}
    stale = [name for name in TESTED_ELSEWHERE if name not in present]
    needless = [name for name in TESTED_ELSEWHERE if unit_test_of(Path(name)).exists()]
    assert not stale + needless


def test_no_module_grows_past_the_point_where_it_should_be_two() -> None:
    lengths = {str(path): len((SOURCE / path).read_text().splitlines()) for path in modules()}
    assert not {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
