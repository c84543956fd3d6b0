/** Overview: what the platform did, for whom, and what it cost. */

import type { FunctionComponent } from "preact";

import { type Totals, type Usage, withQuery } from "../api";
import { change, compact, count, money, percent } from "../format";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { useRange } from "../parts/range";
import { RequestsChart } from "../parts/requests-chart";
import { type Loaded, useResource } from "../resource";
import { href } from "../router";

export const Overview: FunctionComponent = () => {
  const range = useRange();
  const usage = (groupBy: string): string => withQuery("/v1/usage", { from: range.from.toISOString(), to: range.to.toISOString(), groupBy });
  const times = useResource<Usage<"day" | "hour">>(usage(range.bucket), ["usage"]);
  const models = useResource<Usage<"model">>(usage("model"), ["usage"]);
  const users = useResource<Usage<"user">>(usage("user"), ["usage"]);
  const before = useResource<Usage>(
    withQuery("/v1/usage", { from: range.earlier.from.toISOString(), to: range.earlier.to.toISOString() }),
  );
  const totals = times.data?.totals;
  return (
    <>
      <PageHead title="Overview" purpose="What was asked of the platform, by whom, and what it cost." range={range} live />
      <div class="grid">
        <Figures totals={totals} before={before.isOld ? undefined : before.data?.totals} isOld={times.isOld} />
        <RequestsChart range={range} times={times} />
        <Card title="Tokens by model" note="Input and output together" span={6} error={models.error} isOld={models.isOld}>
          {models.data &&
            (models.data.rows.length ? (
              <BarList
                label="Tokens by model"
                columns={["Model", "Tokens", "Requests"]}
                format={compact}
                bars={models.data.rows.map((row) => ({
                  name: row.model ?? "unknown",
                  value: row.inputTokens + row.outputTokens,
                  note: `${compact(row.requests)} req.`,
                }))}
              />
            ) : (
              <Empty>Each model that answers a request appears here with its tokens.</Empty>
            ))}
        </Card>
        <Card title="Cost by user" note="Billed, US dollars" span={6} error={users.error} isOld={users.isOld}>
          {users.data &&
            (users.data.rows.length ? (
              <BarList
                label="Cost by user"
                columns={["User", "Billed", "Requests"]}
                format={money}
                bars={users.data.rows.map((row) => ({
                  name: row.user ?? "no user",
                  value: row.billed,
                  note: `${compact(row.requests)} req.`,
                  href: row.user ? href("requests", { user: row.user }) : undefined,
                }))}
              />
            ) : (
              <Empty>Give keys a user, and what each one costs appears here.</Empty>
            ))}
        </Card>
        <Success models={models} />
        <Saved totals={totals} />
      </div>
    </>
  );
};

const Figures: FunctionComponent<{ totals: Totals | undefined; before: Totals | undefined; isOld: boolean }> = ({ totals, before, isOld }) => {
  const against = (name: "requests" | "billed"): string | undefined => {
    if (!totals || !before) return undefined;
    const share = change(totals[name], before[name]);
    return share === null ? "nothing in the period before" : `${share} on the period before`;
  };
  const rate = totals && totals.requests ? 1 - totals.errors / totals.requests : undefined;
  const rateBefore = before && before.requests ? 1 - before.errors / before.requests : undefined;
  return (
    <>
      <Figure label="Requests" value={totals && count(totals.requests)} note={against("requests")} isOld={isOld} />
      <Figure label="Billed" value={totals && money(totals.billed)} note={against("billed")} isOld={isOld} />
      <Figure
        label="Success rate"
        value={totals && (rate === undefined ? "–" : percent(rate, 2))}
        note={totals && (rateBefore === undefined ? `${count(totals.errors)} failed` : `${count(totals.errors)} failed · ${percent(rateBefore, 2)} before`)}
        isOld={isOld}
      />
      <Figure
        label="Tokens"
        value={totals && compact(totals.inputTokens + totals.outputTokens)}
        note={totals && `${compact(totals.inputTokens)} in · ${compact(totals.outputTokens)} out`}
        isOld={isOld}
      />
    </>
  );
};

const Success: FunctionComponent<{ models: Loaded<Usage<"model">> }> = ({ models }) => (
  <Card title="Success by model" note="Failed: the vendor or the platform could not answer" span={8} error={models.error} isOld={models.isOld}>
    {models.data &&
      (models.data.rows.length ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Success by model">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col" class="number">
                  Requests
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
                <th scope="col" class="number">
                  Success
                </th>
                <th scope="col" class="number">
                  Billed
                </th>
                <th scope="col" class="number">
                  Vendor cost
                </th>
              </tr>
            </thead>
            <tbody>
              {models.data.rows.map((row) => (
                <tr key={row.model}>
                  <th scope="row">{row.model}</th>
                  <td class="number">{count(row.requests)}</td>
                  <td class="number">{count(row.errors)}</td>
                  <td class="number">{row.requests ? percent(1 - row.errors / row.requests) : "–"}</td>
                  <td class="number"><Amount of={row.billed} /></td>
                  <td class="number"><Amount of={row.cost} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Empty>Each model that is asked appears here with its success rate.</Empty>
      ))}
  </Card>
);

const Saved: FunctionComponent<{ totals: Totals | undefined }> = ({ totals }) => (
  <Card title="Saved" note="Vendor cost that was avoided" span={4}>
    {totals && (
      <dl class="facts">
        <dt>By the cache</dt>
        <dd>
          <Amount of={totals.savedCost} />
        </dd>
        <dt>By choosing a model (auto)</dt>
        <dd>
          <Amount of={totals.autoSaved} />
        </dd>
        <dt>Cache hits</dt>
        <dd>
          {count(totals.cacheHits)} of {count(totals.requests)} requests
        </dd>
      </dl>
    )}
  </Card>
);
