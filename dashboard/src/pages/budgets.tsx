/** Budgets: what may be spent, what is, and where it is heading. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Budget, send, type SpendProjection, type Totals, type Usage, withQuery } from "../api";
import { TimeChart } from "../charts/time-chart";
import { axisMoney, count, day, money } from "../format";
import { useAction } from "../parts/action";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { Meter } from "../parts/meter";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { Table } from "../parts/table";
import { rangeOf, rangeText } from "../ranges";
import { invalidate, type Loaded, useResource } from "../resource";
import { href } from "../router";

const SCOPES = ["key", "user", "workspace", "model"] as const;
type Scope = (typeof SCOPES)[number];
type Draft = { scope: Scope; id: string; amount: string; hard: boolean };

const NEW: Draft = { scope: "user", id: "", amount: "", hard: true };

export const Budgets: FunctionComponent = () => {
  const range = rangeOf("month", new Date());
  const usage = (groupBy: string): string => withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy });
  const budgets = useResource<{ data: Budget[]; isComplete: boolean }>("/v1/usage/budgets", ["usage", "settings"]);
  const days = useResource<Usage<"day">>(usage("day"), ["usage"]);
  const users = useResource<Usage<"user">>(usage("user"), ["usage"]);
  const draft = useSignal<Draft | null>(null);
  const list = budgets.data?.data;
  const over = list?.filter((budget) => used(budget) >= 1).length;
  const near = list?.filter((budget) => used(budget) >= 0.8 && used(budget) < 1).length;
  return (
    <>
      <PageHead title="Budgets" purpose="What may be spent this month, what is spent, and where it is heading." live>
        <div class="range">
          <button class="primary" type="button" onClick={() => (draft.value = NEW)}>
            Set a budget
          </button>
          <p class="range-text">{rangeText(range)}</p>
        </div>
      </PageHead>
      <div class="grid">
        <Figure label="Billed this month" value={days.data && money(days.data.totals.billed)} note={days.data && `Vendor cost ${money(days.data.totals.cost)}`} />
        <Figure label="Budgets" value={list && count(list.length)} note={list && resetText(list)} />
        <Figure label="Above 80 %" value={near === undefined ? undefined : count(near)} note="Of their limit, and below it" />
        <Figure label="Used up" value={over === undefined ? undefined : count(over)} note="Hard ones refuse calls that cost" />
        <Heading days={days} />
        <Card title="All budgets" note="A budget holds for a key, a user, a workspace or a model; several may hold for one call" error={budgets.error}>
          {list &&
            (list.length ? (
              <Table<Budget>
                label="All budgets"
                id={(budget) => `${budget.scope} ${budget.id}`}
                rows={list}
                columns={[
                  { name: "For", cell: (budget) => <Owner budget={budget} /> },
                  { name: "Used", cell: (budget) => <Meter value={budget.spent} limit={budget.monthlyBudget ?? 0} high={budget.projected} label={`${budget.scope} ${budget.id}`} /> },
                  { name: "Spent", isNumber: true, cell: (budget) => <Amount of={budget.spent} /> },
                  { name: "Limit", isNumber: true, cell: (budget) => <Amount of={budget.monthlyBudget ?? 0} /> },
                  { name: "Heading for", isNumber: true, cell: (budget) => <Projection budget={budget} /> },
                  { name: "State", cell: (budget) => <State budget={budget} /> },
                  {
                    name: "Change",
                    isUnnamed: true,
                    cell: (budget) => (
                      <button
                        class="small"
                        type="button"
                        aria-label={`Change the budget of ${budget.scope} ${budget.id}`}
                        onClick={() => (draft.value = { scope: budget.scope as Scope, id: budget.id, amount: String(budget.monthlyBudget ?? ""), hard: budget.hard })}
                      >
                        Change
                      </button>
                    ),
                  },
                ]}
              />
            ) : (
              <Empty>No budget is set, so nothing limits what is spent. Set one for a key, a user, a workspace or a model.</Empty>
            ))}
        </Card>
        <Card title="Spend by user" note="Billed this month, US dollars" span={7} error={users.error}>
          {users.data &&
            (users.data.rows.length ? (
              <BarList
                label="Spend by user"
                columns={["User", "Billed", "Requests"]}
                format={money}
                bars={users.data.rows.map((row) => ({
                  name: row.user ?? "no user",
                  value: row.billed,
                  note: `${count(row.requests)} req.`,
                  href: row.user ? href("requests", { user: row.user, range: "month" }) : undefined,
                }))}
              />
            ) : (
              <Empty>What each user's calls cost appears here with the first call of the month.</Empty>
            ))}
        </Card>
        <Card title="Who pays" note="Vendor cost this month, by whose vendor keys were used" span={5} error={users.error}>
          {users.data && <WhoPays totals={users.data.totals} />}
        </Card>
      </div>
      {draft.value && <SetBudget draft={draft.value} onClose={() => (draft.value = null)} />}
    </>
  );
};

/** Platform credit against users' own vendor keys. */
const WhoPays: FunctionComponent<{ totals: Totals }> = ({ totals }) => (
  <>
    <BarList
      label="Vendor cost by who pays"
      columns={["Who pays", "Vendor cost"]}
      format={money}
      bars={[
        { name: "Platform credit", value: totals.cost - totals.ownCost },
        { name: "Users' own keys", value: totals.ownCost },
      ]}
    />
    <dl class="facts">
      <dt>Billed for platform credit</dt>
      <dd>
        <Amount of={totals.billed} />
      </dd>
      <dt>Saved by the cache</dt>
      <dd>
        <Amount of={totals.savedCost} />
      </dd>
    </dl>
  </>
);

/** The month's spend as it adds up, and the band in which its end lies. */
const Heading: FunctionComponent<{ days: Loaded<Usage<"day">> }> = ({ days }) => {
  const range = rangeOf("month", new Date());
  const total = useResource<SpendProjection>("/v1/usage/projection", ["usage"]);
  const first = range.from.getTime();
  const last = new Date(Date.UTC(range.from.getUTCFullYear(), range.from.getUTCMonth() + 1, 0)).getUTCDate();
  const rows = new Map(days.data?.rows.map((row) => [row.day, row.billed]));
  const today = new Date().getUTCDate();
  let sum = 0;
  const spent = Array.from({ length: last }, (_, index) => {
    if (index >= today) return null;
    sum += rows.get(new Date(first + index * 86_400_000).toISOString().slice(0, 10)) ?? 0;
    return sum;
  });
  const towards = (end: number | undefined): (number | null)[] =>
    Array.from({ length: last }, (_, index) => {
      if (end === undefined || index < today - 1) return null;
      return last === today ? end : sum + ((end - sum) * (index - today + 1)) / (last - today);
    });
  const projected = total.data;
  return (
    <Card
      title="Spend this month"
      note={projected && `Heading for ${money(projected.projected)}; four times in five between ${money(projected.projectedLow)} and ${money(projected.projectedHigh)}. Days in UTC.`}
      error={days.error ?? total.error}
    >
      {days.data && days.data.totals.requests === 0 ? (
        <Empty>The month's spend adds up here with the first call.</Empty>
      ) : (
        <TimeChart
          label="Spend this month, added up"
          kind="lines"
          band={{ low: towards(projected?.projectedLow), high: towards(projected?.projectedHigh) }}
          moments={Array.from({ length: last }, (_, index) => {
            const moment = new Date(first + index * 86_400_000);
            return { label: day(moment), full: day(moment) };
          })}
          series={[
            { name: "Billed", tone: "s1", values: spent },
            { name: "Heading for", tone: "s3", values: towards(projected?.projected) },
          ]}
          format={money}
          axis={axisMoney}
          summary={(one) => money(one.values.filter((value) => value !== null).at(-1) ?? 0)}
        />
      )}
    </Card>
  );
};

const Owner: FunctionComponent<{ budget: Budget }> = ({ budget }) => (
  <>
    <span class="muted">{budget.scope}</span> <span class={budget.scope === "key" ? "mono" : undefined}>{budget.id}</span>
  </>
);

const Projection: FunctionComponent<{ budget: Budget }> = ({ budget }) => (
  <span title={`Four times in five between ${money(budget.projectedLow)} and ${money(budget.projectedHigh)}`}>{money(budget.projected)}</span>
);

const State: FunctionComponent<{ budget: Budget }> = ({ budget }) => {
  const share = used(budget);
  const kind = budget.hard ? "hard" : "soft";
  if (share >= 1) return <span class="badge bad">Used up, {kind}</span>;
  if (share >= 0.8) return <span class="badge warn">Above 80 %, {kind}</span>;
  if (budget.monthlyBudget && budget.projected > budget.monthlyBudget) return <span class="badge warn">Heading over, {kind}</span>;
  return <span class="badge good">Fine, {kind}</span>;
};

const SetBudget: FunctionComponent<{ draft: Draft; onClose: () => void }> = ({ draft, onClose }) => {
  const form = useSignal(draft);
  const action = useAction();
  const change = (fields: Partial<Draft>): void => void (form.value = { ...form.value, ...fields });
  const put = (monthlyBudget: number | null): Promise<boolean> =>
    action.run(async () => {
      const { scope, id, hard } = form.value;
      await send("PUT", "/v1/usage/budget", { scope, id: id.trim(), monthlyBudget, hard });
      invalidate("/v1/usage/budgets");
      onClose();
    });
  return (
    <Dialog title={draft.id ? "Change a budget" : "Set a budget"} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void put(Number(form.value.amount));
        }}
      >
        <Field label="For a">
          <select value={form.value.scope} disabled={draft.id !== ""} onChange={(event) => change({ scope: event.currentTarget.value as Scope })}>
            {SCOPES.map((scope) => (
              <option key={scope}>{scope}</option>
            ))}
          </select>
        </Field>
        <Field label="Id" hint="A key's id, or the name of a user, workspace or model; it need not have been used yet">
          <input required value={form.value.id} disabled={draft.id !== ""} onInput={(event) => change({ id: event.currentTarget.value })} />
        </Field>
        <Field label="US dollars a month" hint="Billed; holds from now on, and counts what was spent this month">
          <input type="number" required min="0" step="any" inputMode="decimal" value={form.value.amount} onInput={(event) => change({ amount: event.currentTarget.value })} />
        </Field>
        <label class="check">
          <input type="checkbox" checked={form.value.hard} onChange={(event) => change({ hard: event.currentTarget.checked })} />
          Hard: refuse calls that it cannot cover
        </label>
        {action.error.value && <Problem error={action.error.value} what="Not set" />}
        <div class="actions">
          <button class="primary" type="submit" disabled={action.isBusy.value}>
            Save
          </button>
          {draft.id && (
            <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => void put(null)}>
              Remove the limit
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
};

function used(budget: Budget): number {
  return budget.monthlyBudget ? budget.spent / budget.monthlyBudget : 1;
}

function resetText(budgets: Budget[]): string {
  const [first] = budgets;
  return first ? `Renewed ${day(new Date(first.resetsAt))}, 00:00 UTC` : "None is set";
}
