"""Routes to the audit log."""

from headgate.http import audit
from headgate.http.routes import Route
from headgate.identity.audit import Verified


def audit_routes() -> list[Route]:
    """Who did what to the platform."""
    which = (
        "`actor` is the id of a key or of a user. `action` is one such as `key.change`, or all"
        " that are done to one kind of thing, such as `key`."
    )
    return [
        Route(
            method="GET",
            path="/v1/audit",
            access="workspace:admin",
            handler=audit.acts,
            summary="What administrators did, newest first",
            description=(
                f"{which} An act is kept before it begins: where its `result` stays `unknown`,"
                " a process died in it, and it may be done or not. Secrets never stand here."
            ),
            query=audit.AuditQuery,
            answer=audit.ActPage,
        ),
        Route(
            method="GET",
            path="/v1/audit/export",
            access="workspace:admin",
            handler=audit.export,
            summary="The audit log as a file",
            description=(
                f"{which} With `format` `jsonl` each line is an act in JSON, with `csv` a row."
                " Both begin with the newest."
            ),
            query=audit.ExportQuery,
            answer=str,
            media_type="application/x-ndjson",
        ),
        Route(
            method="GET",
            path="/v1/audit/verification",
            access="admin",
            handler=audit.verify,
            summary="Whether the audit log was tampered with",
            description=(
                "Reads all of it. Keep `records` and `head` elsewhere, and send them with the next"
                " question: then it shows too whether the log was cut off or written anew."
            ),
            query=audit.VerificationQuery,
            answer=Verified,
        ),
    ]
