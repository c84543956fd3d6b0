/** Requests, money or tokens over a range of time, by hour or day. */

import type { FunctionComponent } from "preact";

import type { Totals, Usage } from "../api";
import { TimeChart } from "../charts/time-chart";
import { axisMoney, compact, count, money } from "../format";
import { bucketKey, bucketLabel, buckets, type Range } from "../ranges";
import type { Loaded } from "../resource";
import { param, setParams } from "../router";
import { Card } from "./card";
import { address } from "./code";
import { Empty } from "./empty";

const CURL = (): string => `curl ${address()}/v1/complete \\
  -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' \\
  -d '{"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}'`;

const SHOWN = { requests: "Requests", billed: "Billed", tokens: "Tokens" } as const;
type Shown = keyof typeof SHOWN;

export const RequestsChart: FunctionComponent<{ range: Range; times: Loaded<Usage<"day" | "hour">> }> = ({ range, times }) => {
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

function pickFrom(row: Totals | undefined, pick: (row: Totals) => number): number {
  return row ? pick(row) : 0;
}
