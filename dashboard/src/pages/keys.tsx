/** Keys: who may call, what they may do, and within which limits. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Key, type Page, send, type Usage, withQuery } from "../api";
import { ago, count, date, money } from "../format";
import { useAction } from "../parts/action";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { address, Code } from "../parts/code";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { useRange } from "../parts/range";
import { Table } from "../parts/table";
import { invalidate, useResource } from "../resource";
import { href, param, setParams } from "../router";
import { ownWorkspace } from "../session";

const SCOPES = {
  "ai:complete": "ask models",
  "ai:embed": "make embeddings",
  "tools:run": "run tools, use documents",
  "agent:run": "run agents",
  "usage:read": "read its user's usage",
  "admin:read": "see everything, change nothing",
  "workspace:admin": "administer its workspace",
  admin: "everything",
} as const;
const USUAL = ["ai:complete", "ai:embed"];

type Doing = { what: "create" } | { what: "rotate" | "revoke"; key: Key };

export const Keys: FunctionComponent = () => {
  const range = useRange();
  const page = useResource<Page<Key>>(withQuery("/v1/auth/keys", { limit: 50, withLastUse: "true", cursor: param("cursor") }), ["settings", "usage"], 5000);
  const usage = useResource<Usage<"key">>(
    withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy: "key" }),
    ["usage"],
    5000,
  );
  const doing = useSignal<Doing | null>(null);
  const secret = useSignal<Key | null>(null);
  const used = new Map(usage.data?.rows.map((row) => [row.key, row]));
  const keys = page.data?.data;
  const good = keys?.filter((key) => stateOf(key) === "active");
  const due = keys?.filter((key) => key.rotationDue);
  const busiest = usage.data?.rows.toSorted((one, other) => other.requests - one.requests)[0];
  const close = (): void => void (doing.value = null);
  const show = (key: Key | null): void => {
    secret.value = key;
    doing.value = null;
    invalidate("/v1/auth/keys");
  };
  return (
    <>
      <PageHead title="Keys" purpose="Who may call, what they may do, and within which limits." range={range} live>
        <ForAdmins>
          <button class="primary" type="button" onClick={() => (doing.value = { what: "create" })}>
            Create a key
          </button>
        </ForAdmins>
      </PageHead>
      <div class="grid">
        <Figure label="Active keys" value={good && count(good.length)} note={due && (due.length ? `${count(due.length)} due for rotation` : `${count(keys!.length - good!.length)} revoked or expired on this page`)} />
        <Figure label="Administrators" value={good && count(good.filter((key) => key.scopes.includes("admin")).length)} note="May do everything" />
        <Figure label="Used in this range" value={usage.data && count(usage.data.rows.length)} note="Keys with at least one request" isOld={usage.isOld} />
        <Figure label="Busiest" value={usage.data && (busiest ? count(busiest.requests) : "0")} note={busiest ? `requests by ${nameOf(keys, busiest.key)}` : "No requests"} isOld={usage.isOld} />
        <Card title="Requests by key" note="In this range" error={usage.error} isOld={usage.isOld}>
          {usage.data &&
            (usage.data.rows.length ? (
              <BarList
                label="Requests by key"
                columns={["Key", "Requests", "Billed"]}
                format={count}
                bars={usage.data.rows.map((row) => ({
                  name: nameOf(keys, row.key),
                  value: row.requests,
                  note: `${money(row.billed)} billed`,
                  href: row.key ? href("requests", { key: row.key }) : undefined,
                }))}
              />
            ) : (
              <Empty>Each key that is used appears here with its requests.</Empty>
            ))}
        </Card>
        <Card title="All keys" note="Requests and billed in this range; a secret is shown once, when it is made" error={page.error} isOld={page.isOld}>
          {keys && (
            <>
              {keys.length ? (
                <Table<Key>
                  label="All keys"
                  id={(key) => key.keyId}
                  rows={keys}
                  columns={[
                    {
                      name: "Name",
                      cell: (key) => (
                        <>
                          {key.name}
                          <br />
                          <span class="mono muted">{key.keyId}</span>
                        </>
                      ),
                    },
                    {
                      name: "State",
                      cell: (key) => (
                        <>
                          <State of={key} />
                          {key.rotationDue && <RotationDue of={key} />}
                        </>
                      ),
                    },
                    {
                      name: "User, workspace",
                      cell: (key) => (
                        <>
                          {key.userId ?? <span class="muted">no user</span>}
                          <br />
                          <span class="muted">{key.workspaceId}</span>
                        </>
                      ),
                    },
                    { name: "Scopes", cell: (key) => <span class="scopes">{key.scopes.includes("admin") ? "admin" : key.scopes.map((scope) => scope.replace(/^ai:/, "")).join(", ")}</span> },
                    {
                      name: "Budget, limit",
                      isNumber: true,
                      cell: (key) => (
                        <>
                          {key.monthlyBudget === null ? <span class="muted">no budget</span> : `${money(key.monthlyBudget)} a month`}
                          <br />
                          <span class="muted">{key.rateLimit.requestsPerMinute ? `${count(key.rateLimit.requestsPerMinute)} req. a minute` : "default limits"}</span>
                        </>
                      ),
                    },
                    {
                      name: "Requests, billed",
                      isNumber: true,
                      cell: (key) => (
                        <>
                          {used.has(key.keyId) ? <a href={href("requests", { key: key.keyId })}>{count(used.get(key.keyId)!.requests)}</a> : "0"}
                          <br />
                          <span class="muted">
                            <Amount of={used.get(key.keyId)?.billed ?? 0} />
                          </span>
                        </>
                      ),
                    },
                    { name: "Last used", isNumber: true, cell: (key) => (key.lastUsedAt ? ago(key.lastUsedAt) : <span class="muted">never</span>) },
                    {
                      name: "Change",
                      isUnnamed: true,
                      cell: (key) =>
                        key.revokedAt === null && (
                          <ForAdmins>
                            <span class="row-actions stacked">
                              <button class={`small ${key.rotationDue ? "primary" : ""}`} type="button" aria-label={`Rotate ${key.name}`} onClick={() => (doing.value = { what: "rotate", key })}>
                                Rotate
                              </button>
                              <button class="small danger" type="button" aria-label={`Revoke ${key.name}`} onClick={() => (doing.value = { what: "revoke", key })}>
                                Revoke
                              </button>
                            </span>
                          </ForAdmins>
                        ),
                    },
                  ]}
                />
              ) : (
                <Empty command="headgate keys create --name my-app --scope ai:complete">Keys appear here as they are made.</Empty>
              )}
              {(param("cursor") || page.data!.nextCursor) && (
                <div class="pages">
                  <button type="button" disabled={!param("cursor")} onClick={() => setParams({ cursor: null })}>
                    First page
                  </button>
                  <button type="button" disabled={!page.data!.nextCursor} onClick={() => setParams({ cursor: page.data!.nextCursor })}>
                    Older
                  </button>
                </div>
              )}
            </>
          )}
        </Card>
      </div>
      {doing.value?.what === "create" && <Create onClose={close} onDone={show} />}
      {doing.value?.what === "rotate" && <Rotate of={doing.value.key} onClose={close} onDone={show} />}
      {doing.value?.what === "revoke" && <Revoke of={doing.value.key} onClose={close} onDone={() => show(null)} />}
      {secret.value && <Secret of={secret.value} onClose={() => (secret.value = null)} />}
    </>
  );
};

type Closing = { onClose: () => void; onDone: (key: Key) => void };

const Create: FunctionComponent<Closing> = ({ onClose, onDone }) => {
  const form = useSignal({ name: "", user: "", workspace: "", budget: "", requests: "", scopes: USUAL });
  const action = useAction();
  const own = ownWorkspace.value;
  const change = (fields: Partial<typeof form.value>): void => void (form.value = { ...form.value, ...fields });
  const submit = (): Promise<boolean> =>
    action.run(async () => {
      const { name, user, workspace, budget, requests, scopes } = form.value;
      const body = {
        name,
        scopes,
        userId: user || null,
        workspaceId: workspace || null,
        monthlyBudget: budget === "" ? null : Number(budget),
        rateLimit: requests === "" ? null : { requestsPerMinute: Number(requests) },
      };
      onDone(await send<Key>("POST", "/v1/auth/keys", body));
    });
  return (
    <Dialog title="Create a key" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field label="Name" hint="What the key is for">
          <input required maxLength={128} value={form.value.name} onInput={(event) => change({ name: event.currentTarget.value })} />
        </Field>
        <fieldset>
          <legend>May</legend>
          {Object.entries(SCOPES).filter(([scope]) => own === null || !scope.includes("admin")).map(([scope, meaning]) => (
            <label class="check" key={scope}>
              <input
                type="checkbox"
                checked={form.value.scopes.includes(scope)}
                onChange={(event) =>
                  change({ scopes: event.currentTarget.checked ? [...form.value.scopes, scope] : form.value.scopes.filter((one) => one !== scope) })
                }
              />
              {meaning} <span class="mono muted">{scope}</span>
            </label>
          ))}
        </fieldset>
        <div class="pair">
          <Field label="User">
            <input placeholder={own === null ? "none" : `none, or ${own}:name`} value={form.value.user} onInput={(event) => change({ user: event.currentTarget.value })} />
          </Field>
          <Field label="Workspace">
            <input placeholder={own ?? "default"} disabled={own !== null} value={form.value.workspace} onInput={(event) => change({ workspace: event.currentTarget.value })} />
          </Field>
          <Field label="US dollars a month">
            <input type="number" min="0" step="any" placeholder="no limit" value={form.value.budget} onInput={(event) => change({ budget: event.currentTarget.value })} />
          </Field>
          <Field label="Requests a minute">
            <input type="number" min="1" step="1" placeholder="the default" value={form.value.requests} onInput={(event) => change({ requests: event.currentTarget.value })} />
          </Field>
        </div>
        {action.error.value && <Problem error={action.error.value} what="Not created" />}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value || form.value.scopes.length === 0}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
};

const Rotate: FunctionComponent<Closing & { of: Key }> = ({ of: key, onClose, onDone }) => {
  const grace = useSignal("3600");
  const action = useAction();
  const submit = (): Promise<boolean> =>
    action.run(async () => onDone(await send<Key>("POST", `/v1/auth/keys/${key.keyId}/rotate`, { graceSeconds: Number(grace.value) })));
  return (
    <Dialog title={`Give ${key.name} a new secret`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field label="The old secret works for" hint="Long enough to put the new one in its place">
          <select value={grace.value} onChange={(event) => (grace.value = event.currentTarget.value)}>
            <option value="0">no time at all</option>
            <option value="3600">an hour more</option>
            <option value="86400">a day more</option>
            <option value="604800">a week more</option>
          </select>
        </Field>
        {action.error.value && <Problem error={action.error.value} what="Not rotated" />}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            Make a new secret
          </button>
        </div>
      </form>
    </Dialog>
  );
};

const Revoke: FunctionComponent<Closing & { of: Key }> = ({ of: key, onClose, onDone }) => {
  const action = useAction();
  const revoke = (): Promise<boolean> => action.run(async () => onDone(await send<Key>("DELETE", `/v1/auth/keys/${key.keyId}`)));
  return (
    <Dialog title={`Revoke ${key.name}?`} onClose={onClose}>
      <div class="form">
        <p>
          Whoever uses <span class="mono">{key.keyId}</span> is refused within a second, everywhere. It cannot come back.
        </p>
        {action.error.value && <Problem error={action.error.value} what="Not revoked" />}
        <div class="actions">
          <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => void revoke()}>
            Revoke for good
          </button>
        </div>
      </div>
    </Dialog>
  );
};

const Secret: FunctionComponent<{ of: Key; onClose: () => void }> = ({ of: key, onClose }) => {
  const curl = `curl ${address()}/v1/complete \\\n  -H 'Authorization: Bearer ${key.apiKey}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{"messages": [{"role": "user", "content": "Hello"}]}'`;
  return (
    <Dialog title={`The secret of ${key.name}`} onClose={onClose}>
      <div class="form">
        <p>It is shown this once; only its hash is kept.</p>
        <Code text={key.apiKey ?? ""} label="Copy the key" />
        <p>Try it:</p>
        <Code text={curl} />
      </div>
    </Dialog>
  );
};

const State: FunctionComponent<{ of: Key }> = ({ of: key }) => {
  const state = stateOf(key);
  if (state === "revoked") return <span class="badge bad">Revoked</span>;
  if (state === "expired") return <span class="badge warn">Expired</span>;
  return <span class="badge good">{key.expiresAt ? `Active until ${date(key.expiresAt)}` : "Active"}</span>;
};

/** That the secret is older than the platform's settings allow, and when it was made. */
const RotationDue: FunctionComponent<{ of: Key }> = ({ of: key }) => (
  <span class="note">
    <span class="badge warn">Rotation due</span>
    <br />
    <span class="muted">secret {ago(key.rotatedAt ?? key.createdAt)}</span>
  </span>
);

function stateOf(key: Key): "active" | "revoked" | "expired" {
  if (key.revokedAt) return "revoked";
  return key.expiresAt && Date.parse(key.expiresAt) <= Date.now() ? "expired" : "active";
}

function nameOf(keys: Key[] | undefined, id: string | null): string {
  return keys?.find((key) => key.keyId === id)?.name ?? id ?? "none";
}
