/** Workspaces: what each one spends, is charged on top, and may reach. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Budget, type Page, send, type Usage, type Workspace, withQuery } from "../api";
import { ago, count, money, percent, share } from "../format";
import { useAction } from "../parts/action";
import { Amount } from "../parts/amount";
import { BarList } from "../parts/bar-list";
import { Card } from "../parts/card";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { useRange } from "../parts/range";
import { type BudgetDraft, SetBudget } from "../parts/set-budget";
import { Table } from "../parts/table";
import { invalidate, useResource } from "../resource";
import { param, setParams } from "../router";

const PATH = "/v1/workspaces";

/** A workspace that has settings, calls, or both. */
interface Row {
  id: string;
  settings: Workspace | undefined;
  requests: number;
  billed: number;
  budget: Budget | undefined;
}

export const Workspaces: FunctionComponent = () => {
  const range = useRange();
  const page = useResource<Page<Workspace>>(withQuery(PATH, { limit: 200, cursor: param("cursor") }), ["settings"]);
  const usage = useResource<Usage<"workspace">>(
    withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy: "workspace" }),
    ["usage"],
    5000,
  );
  const budgets = useResource<{ data: Budget[] }>("/v1/usage/budgets", ["usage", "settings"], 5000);
  const editing = useSignal<string | null>(null);
  const draft = useSignal<BudgetDraft | null>(null);
  const rows = page.data && usage.data ? rowsOf(page.data.data, usage.data, budgets.data?.data, param("cursor") === null) : undefined;
  const set = page.data?.data;
  const limited = rows?.filter((row) => row.budget).length;
  return (
    <>
      <PageHead title="Workspaces" purpose="What each one spends, is charged, and may reach." range={range} live>
        <ForAdmins ofPlatform>
          <button class="primary" type="button" onClick={() => (editing.value = "")}>
            Set up a workspace
          </button>
        </ForAdmins>
      </PageHead>
      <div class="grid">
        <Figure label="Active" value={usage.data && count(usage.data.rows.length)} note="With at least one request in this range" isOld={usage.isOld} />
        <Figure label="Billed" value={usage.data && money(usage.data.totals.billed)} note={usage.data && `Vendor cost ${money(usage.data.totals.cost)}`} isOld={usage.isOld} />
        <Figure label="With a budget" value={limited === undefined ? undefined : count(limited)} note="A limit for all of a workspace's keys together" />
        <Figure label="With settings" value={set && count(set.length)} note={set && `${count(set.filter((one) => one.setHere.length).length)} of them set here`} />
        <Card title="Cost by workspace" note="Billed in this range, US dollars" error={usage.error} isOld={usage.isOld}>
          {usage.data &&
            (usage.data.rows.length ? (
              <BarList
                label="Cost by workspace"
                columns={["Workspace", "Billed", "Requests"]}
                format={money}
                bars={usage.data.rows.map((row) => ({ name: row.workspace ?? "default", value: row.billed, note: `${count(row.requests)} req.` }))}
              />
            ) : (
              <Empty>Each workspace whose keys are used appears here with what it was billed.</Empty>
            ))}
        </Card>
        <Card
          title="All workspaces"
          note="A workspace needs no creation: it is there once a key names it. Guardrails, files and databases are set in headgate.toml"
          error={page.error ?? budgets.error}
          isOld={page.isOld}
        >
          {rows &&
            (rows.length ? (
              <>
                <Table<Row>
                  label="All workspaces"
                  id={(row) => row.id}
                  rows={rows}
                  columns={[
                    { name: "Workspace", cell: (row) => row.id },
                    { name: "Markup", isNumber: true, cell: (row) => <Markup of={row.settings} /> },
                    { name: "Tools may reach", cell: (row) => <Hosts of={row.settings} /> },
                    { name: "Budget a month", isNumber: true, cell: (row) => <Limit of={row.budget} /> },
                    { name: "Requests", isNumber: true, cell: (row) => count(row.requests) },
                    { name: "Billed", isNumber: true, cell: (row) => <Amount of={row.billed} /> },
                    { name: "Set here", isNumber: true, cell: (row) => (row.settings?.changedAt ? ago(row.settings.changedAt) : <span class="muted">never</span>) },
                    {
                      name: "Change",
                      isUnnamed: true,
                      cell: (row) => (
                        <ForAdmins ofPlatform>
                          <span class="row-actions">
                            <button class="small" type="button" aria-label={`Change the settings of ${row.id}`} onClick={() => (editing.value = row.id)}>
                              Settings
                            </button>
                            <button class="small" type="button" aria-label={`Change the budget of ${row.id}`} onClick={() => (draft.value = draftOf(row))}>
                              Budget
                            </button>
                          </span>
                        </ForAdmins>
                      ),
                    },
                  ]}
                />
                {(param("cursor") || page.data!.nextCursor) && (
                  <div class="pages">
                    <button type="button" disabled={!param("cursor")} onClick={() => setParams({ cursor: null })}>
                      First page
                    </button>
                    <button type="button" disabled={!page.data!.nextCursor} onClick={() => setParams({ cursor: page.data!.nextCursor })}>
                      Next
                    </button>
                  </div>
                )}
              </>
            ) : (
              <Empty command="headgate keys create --name my-app --workspace my-team --scope ai:complete">
                No workspace was used in this range, and none has settings. Make a key for one:
              </Empty>
            ))}
        </Card>
      </div>
      {editing.value !== null && <Edit id={editing.value} known={set} onClose={() => (editing.value = null)} />}
      {draft.value && <SetBudget draft={draft.value} onClose={() => (draft.value = null)} />}
    </>
  );
};

const Markup: FunctionComponent<{ of: Workspace | undefined }> = ({ of: settings }) =>
  settings ? (
    <>
      {percent(settings.markup)} {settings.setHere.includes("markup") && <span class="muted">(set here)</span>}
    </>
  ) : (
    <span class="muted">the platform's</span>
  );

const Hosts: FunctionComponent<{ of: Workspace | undefined }> = ({ of: settings }) => {
  const hosts = settings?.allowedHosts ?? null;
  if (hosts === null) return <span class="muted">all public hosts</span>;
  if (hosts.length === 0) return <>no host</>;
  return (
    <span class="mono" title={hosts.join(", ")}>
      {hosts.slice(0, 2).join(", ")}
      {hosts.length > 2 && ` and ${count(hosts.length - 2)} more`}
    </span>
  );
};

const Limit: FunctionComponent<{ of: Budget | undefined }> = ({ of: budget }) =>
  budget ? (
    <>
      <Amount of={budget.monthlyBudget ?? 0} /> <span class="muted">{budget.hard ? "hard" : "soft"}</span>
    </>
  ) : (
    <span class="muted">none</span>
  );

const Edit: FunctionComponent<{ id: string; known: Workspace[] | undefined; onClose: () => void }> = ({ id, known, onClose }) => {
  const before = known?.find((one) => one.workspaceId === id);
  const own = (name: string): boolean => before?.setHere.includes(name) ?? false;
  const form = useSignal({
    id,
    markup: own("markup") ? String(Math.round(before!.markup * 1e6) / 1e4) : "",
    reach: own("allowedHosts") ? (before!.allowedHosts === null ? "all" : "these") : "file",
    hosts: own("allowedHosts") ? (before!.allowedHosts ?? []).join("\n") : "",
  });
  const action = useAction();
  const change = (fields: Partial<typeof form.value>): void => void (form.value = { ...form.value, ...fields });
  const path = (): string => `${PATH}/${encodeURIComponent(form.value.id.trim())}`;
  const done = (): void => {
    invalidate(PATH);
    onClose();
  };
  const save = (): Promise<boolean> =>
    action.run(async () => {
      const { markup, reach, hosts } = form.value;
      const body: { markup?: number; allowedHosts?: string[] | null } = {};
      if (markup !== "") body.markup = share(markup);
      if (reach !== "file") body.allowedHosts = reach === "all" ? null : hosts.split(/[\s,]+/).filter(Boolean);
      await send("PUT", path(), body);
      done();
    });
  const reset = (): Promise<boolean> => action.run(async () => void (await send("DELETE", path()).then(done)));
  return (
    <Dialog title={id ? `Settings of ${id}` : "Set up a workspace"} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {!id && (
          <Field label="Workspace" hint="As its keys name it">
            <input required maxLength={128} value={form.value.id} onInput={(event) => change({ id: event.currentTarget.value })} />
          </Field>
        )}
        <Field label="Markup, percent" hint="On top of the vendor's price; left empty, headgate.toml decides">
          <input type="number" min="0" step="any" inputMode="decimal" placeholder="as headgate.toml says" value={form.value.markup} onInput={(event) => change({ markup: event.currentTarget.value })} />
        </Field>
        <Field label="Its tools may reach">
          <select value={form.value.reach} onChange={(event) => change({ reach: event.currentTarget.value })}>
            <option value="file">what headgate.toml says</option>
            <option value="all">all public hosts</option>
            <option value="these">only these hosts</option>
          </select>
        </Field>
        {form.value.reach === "these" && (
          <Field label="Hosts" hint="One on each line; *.example.com means all below that one">
            <textarea rows={4} class="mono" value={form.value.hosts} onInput={(event) => change({ hosts: event.currentTarget.value })} />
          </Field>
        )}
        {action.error.value && <Problem error={action.error.value} what="Not set" />}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            Save
          </button>
          {before && before.setHere.length > 0 && (
            <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => void reset()}>
              Back to headgate.toml
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
};

function draftOf(row: Row): BudgetDraft {
  return { scope: "workspace", id: row.id, amount: row.budget ? String(row.budget.monthlyBudget ?? "") : "", hard: row.budget?.hard ?? true };
}

/** Those with settings, and on the first page those that were used without any, the dearest first. */
function rowsOf(set: Workspace[], usage: Usage<"workspace">, budgets: Budget[] | undefined, isFirst: boolean): Row[] {
  const used = new Map(usage.rows.map((row) => [row.workspace ?? "", row]));
  const limits = new Map(budgets?.filter((budget) => budget.scope === "workspace").map((budget) => [budget.id, budget]));
  const settings = new Map(set.map((one) => [one.workspaceId, one]));
  const ids = new Set([...settings.keys(), ...(isFirst ? [...used.keys(), ...limits.keys()] : [])]);
  return [...ids]
    .filter(Boolean)
    .map((id) => ({ id, settings: settings.get(id), requests: used.get(id)?.requests ?? 0, billed: used.get(id)?.billed ?? 0, budget: limits.get(id) }))
    .toSorted((one, other) => other.billed - one.billed || one.id.localeCompare(other.id));
}
