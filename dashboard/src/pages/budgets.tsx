/** Budgets: what may be spent, what is, and where it is heading. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Budget, type SpendProjection, type Totals, type Usage, withQuery } from "../api";
import { TimeChart } from "../charts/time-chart";
import { axisMoney, count, day, money } from "../format";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { Meter } from "../parts/meter";
import { PageHead } from "../parts/page-head";
import { type BudgetDraft, type BudgetScope, SetBudget } from "../parts/set-budget";
import { Table } from "../parts/table";
import { rangeOf, rangeText } from "../ranges";
import { type Loaded, useResource } from "../resource";
import { href } from "../router";

export const Budgets: FunctionComponent = () => {
  const range = rangeOf("month", new Date());
  const usage = (groupBy: string): string => withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy });
  const budgets = useResource<{ data: Budget[]; isComplete: boolean }>("/v1/usage/budgets", ["usage", "settings"]);
  const days = useResource<Usage<"day">>(usage("day"), ["usage"]);
  const users = useResource<Usage<"user">>(usage("user"), ["usage"]);
  const draft = useSignal<BudgetDraft | null>(null);
  const list = budgets.data?.data;
  const over = list?.filter((budget) => used(budget) >= 1).length;
  const near = list?.filter((budget) => used(budget) >= 0.8 && used(budget) < 1).length;
  return (
    <>
      <PageHead title="Budgets" purpose="What may be spent this month, what is spent, and where it is heading." live>
        <div class="range">
          <ForAdmins>
            <button class="primary" type="button" onClick={() => (draft.value = { scope: "user", id: "", amount: "", hard: true })}>
              Set a budget
            </button>
          </ForAdmins>
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
                      <ForAdmins>
                        <button
                          class="small"
                          type="button"
                          aria-label={`Change the budget of ${budget.scope} ${budget.id}`}
                          onClick={() => (draft.value = { scope: budget.scope as BudgetScope, id: budget.id, amount: String(budget.monthlyBudget ?? ""), hard: budget.hard })}
                        >
                          Change
                        </button>
                      </ForAdmins>
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

function used(budget: Budget): number {
  return budget.monthlyBudget ? budget.spent / budget.monthlyBudget : 1;
}

function resetText(budgets: Budget[]): string {
  const [first] = budgets;
  return first ? `Renewed ${day(new Date(first.resetsAt))}, 00:00 UTC` : "None is set";
}
