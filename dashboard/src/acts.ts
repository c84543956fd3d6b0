/** The acts that the audit log tells of, in words that fit one that was refused too. */

const ACTS: Record<string, string> = {
  "key.create": "Create key",
  "key.change": "Change key",
  "key.rotate": "Rotate key",
  "key.revoke": "Revoke key",
  "vendor_key.set": "Set vendor key",
  "vendor_key.delete": "Delete vendor key",
  "budget.set": "Set budget",
  "unconfirmed.release": "Release unconfirmed spend",
  "workspace.set": "Set up workspace",
  "workspace.reset": "Set back workspace",
  "approval.decide": "Decide approval",
  "document.delete": "Delete document",
  "user.delete_data": "Delete user's data",
  "session.open": "Sign in",
  "session.end": "Sign out",
  "sample.seed": "Load sample data",
  "sample.remove": "Remove sample data",
};

const KINDS: Record<string, string> = {
  key: "Keys",
  vendor_key: "Vendor keys",
  budget: "Budgets",
  unconfirmed: "Unconfirmed spend",
  workspace: "Workspaces",
  approval: "Approvals",
  document: "Documents",
  user: "Users' data",
  session: "Sessions",
  sample: "Sample data",
};

/** An act in words; one of a newer platform is called as the log calls it. */
export function actText(action: string): string {
  return ACTS[action] ?? action;
}

/** What acts are done to, each with its acts. */
export function actsByKind(): { kind: string; title: string; actions: string[] }[] {
  return Object.entries(KINDS).map(([kind, title]) => ({ kind, title, actions: Object.keys(ACTS).filter((action) => action.startsWith(`${kind}.`)) }));
}
