/** Overview: what the platform did, for whom, and what it cost. */

import type { FunctionComponent } from "preact";

import { type Totals, type Usage, withQuery } from "../api";
import { TimeChart } from "../charts/time-chart";
import { axisMoney, change, compact, count, money, percent } from "../format";
import { BarList } from "../parts/bar-list";
import { Card } from "../parts/card";
import { address } from "../parts/code";
import { Empty } from "../parts/empty";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { bucketKey, bucketLabel, buckets, type Range } from "../ranges";
import { useRange } from "../parts/range";
import { type Loaded, useResource } from "../resource";
import { href, param, setParams } from "../router";

const CURL = (): string => `curl ${address()}/v1/complete \\
  -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' \\
  -d '{"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}'`;

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
        <OverTime range={range} times={times} />
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
    return share === null ? "nothing in the period before" : `${share} against the period before`;
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

const SHOWN = { requests: "Requests", billed: "Billed", tokens: "Tokens" } as const;
type Shown = keyof typeof SHOWN;

const OverTime: FunctionComponent<{ range: Range; times: Loaded<Usage<"day" | "hour">> }> = ({ range, times }) => {
  const asked = param("show");
  const shown: Shown = asked && asked in SHOWN ? (asked as Shown) : "requests";
  const starts = buckets(range);
  const rows = new Map(times.data?.rows.map((row) => [row[range.bucket], row]));
  const values = (pick: (row: Totals) => number): number[] => starts.map((start) => pickFrom(rows.get(bucketKey(start, range.bucket)), pick));
  const unit = range.bucket === "day" ? "day" : "hour";
  const series = {
    requests: [
      { name: "Succeeded", tone: "s1", values: values((row) => row.requests - row.errors) },
      { name: "Failed", tone: "bad", values: values((row) => row.errors) },
    ],
    billed: [{ name: "Billed", tone: "s1", values: values((row) => row.billed) }],
    tokens: [
      { name: "Input", tone: "s1", values: values((row) => row.inputTokens) },
      { name: "Output", tone: "s2", values: values((row) => row.outputTokens) },
    ],
  }[shown];
  const format = shown === "billed" ? money : shown === "tokens" ? compact : count;
  const isEmpty = times.data !== undefined && times.data.rows.length === 0;
  return (
    <Card
      title={`${SHOWN[shown]} per ${unit}`}
      note={`${unit === "day" ? "Days" : "Hours"} in UTC; the last one is under way`}
      error={times.error}
      isOld={times.isOld}
      tools={
        <div class="segments" role="group" aria-label="What the chart shows">
          {Object.entries(SHOWN).map(([name, label]) => (
            <button key={name} type="button" aria-pressed={name === shown} onClick={() => setParams({ show: name === "requests" ? null : name })}>
              {label}
            </button>
          ))}
        </div>
      }
    >
      {isEmpty ? (
        <Empty command={CURL()}>No requests in this range. Send one, and it appears here within three seconds:</Empty>
      ) : (
        <TimeChart
          label={`${SHOWN[shown]} per ${unit}`}
          kind="bars"
          isCount={shown !== "billed"}
          moments={starts.map((start) => ({
            label: bucketLabel(start, range.bucket),
            full: range.bucket === "day" ? bucketLabel(start, "day") : `${bucketLabel(start, "day")} ${bucketLabel(start, "hour")}`,
          }))}
          series={series}
          format={format}
          axis={shown === "billed" ? axisMoney : compact}
          summary={(one) => format(one.values.reduce<number>((sum, value) => sum + (value ?? 0), 0))}
        />
      )}
    </Card>
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
                  <td class="number">{money(row.billed)}</td>
                  <td class="number">{money(row.cost)}</td>
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
  <Card title="Saved" note="Against asking the vendor each time" span={4}>
    {totals && (
      <dl class="facts">
        <dt>By the cache</dt>
        <dd>{money(totals.savedCost)}</dd>
        <dt>Cache hits</dt>
        <dd>
          {count(totals.cacheHits)} of {count(totals.requests)} requests
        </dd>
      </dl>
    )}
  </Card>
);

function pickFrom(row: Totals | undefined, pick: (row: Totals) => number): number {
  return row ? pick(row) : 0;
}
