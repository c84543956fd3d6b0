/** Real time: what is going on now. */

import type { FunctionComponent } from "preact";

import { type Event, type Latency, type Page, type Process, type RunSummary, withQuery } from "../api";
import { TimeChart } from "../charts/time-chart";
import { clock, count, duration, percent, time } from "../format";
import { tick } from "../live";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Figure } from "../parts/figure";
import { useMinute } from "../parts/minute";
import { PageHead } from "../parts/page-head";
import { usePoll } from "../parts/poll";
import { address } from "../parts/code";
import { Table } from "../parts/table";
import { useResource } from "../resource";
import { href } from "../router";
import { ownWorkspace } from "../session";

const MINUTES = 60;
const FEED = 20;
const ACTIVE = ["queued", "running", "waiting", "paused"];

export const RealTime: FunctionComponent = () => {
  const now = useMinute();
  const from = new Date(now.getTime() - MINUTES * 60_000);
  const latency = useResource<Latency>(
    withQuery("/v1/usage/latency", { from: from.toISOString(), to: new Date(now.getTime() + 60_000).toISOString(), bucketSeconds: 60 }),
    ["usage"],
    3000,
  );
  const feed = useResource<Page<Event>>(withQuery("/v1/usage/events", { from: new Date(now.getTime() - 86_400_000).toISOString(), limit: FEED }), ["usage"]);
  const failures = useResource<Page<Event>>(
    withQuery("/v1/usage/events", { from: new Date(now.getTime() - 86_400_000).toISOString(), status: "error", limit: 10 }),
    ["usage"],
    3000,
  );
  const process = useResource<Process>(ownWorkspace.value === null ? "/v1/process" : null, ["usage"], 5000);
  const runs = useResource<Page<RunSummary>>(withQuery("/v1/agents/runs", { limit: 200 }));
  usePoll(5000, () => runs.reload());
  const active = runs.data?.data.filter((run) => ACTIVE.includes(run.status));
  const found = latency.data;
  const tools = process.data?.measurements.filter((one) => one.kind === "gauge" && one.labels["tool"]);
  return (
    <>
      <PageHead title="Real time" purpose="What is going on now: calls, how long answers take, and what fails." live>
        <p class="range-text">Last {MINUTES} minutes, UTC</p>
      </PageHead>
      <div class="grid">
        <Figure label="Calls under way" value={tick.value ? count(tick.value.activeCalls) : undefined} note="In the process that answers you" />
        <Figure label="Active runs" value={active && count(active.length)} note={active && `${count(active.filter((run) => run.status === "waiting").length)} of them wait for approval`} />
        <Figure label="Answer time, p95" value={found && (found.whole.p95 === null ? "–" : duration(found.whole.p95))} note={found && percentiles(found)} />
        <Figure label="Error rate" value={found && (found.calls ? percent(found.errors / found.calls) : "–")} note={found && `${count(found.errors)} of ${count(found.calls)} calls in ${found.isComplete ? "the last hour" : "the newest ones"}`} />
        <Card title="Answer time" note="Per minute, to the end of the answer; answers from the cache left out" error={latency.error}>
          {found &&
            (found.calls ? (
              <TimeChart
                label="Answer time per minute"
                kind="lines"
                moments={found.rows.map((row) => ({ label: clock(new Date(row.start)), full: `${clock(new Date(row.start))} UTC` }))}
                series={[
                  { name: "p50", tone: "s1", values: found.rows.map((row) => row.whole.p50) },
                  { name: "p95", tone: "s2", values: found.rows.map((row) => row.whole.p95) },
                  { name: "p99", tone: "s3", values: found.rows.map((row) => row.whole.p99) },
                ]}
                format={duration}
                summary={(one) => duration(found.whole[one.name as "p50" | "p95" | "p99"] ?? 0)}
              />
            ) : (
              <Empty
                command={`curl ${address()}/v1/complete \\\n  -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' \\\n  -d '{"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]}'`}
              >
                No call has ended in the last hour. Make one, and it appears here within three seconds:
              </Empty>
            ))}
        </Card>
        <Card title="Feed" note="The newest calls of the last day; ended at, UTC" span={8} error={feed.error}>
          {feed.data &&
            (feed.data.data.length ? (
              <Table<Event>
                label="Feed"
                id={(event) => event.id}
                rows={feed.data.data}
                columns={[
                  { name: "Time", cell: (event) => <span class="mono">{time(event.timestamp)}</span> },
                  { name: "Model", cell: (event) => event.model },
                  { name: "User", cell: (event) => event.userId ?? <span class="muted">none</span> },
                  { name: "Status", cell: (event) => <span class={`badge ${event.status === "ok" ? "good" : event.status === "error" ? "bad" : ""}`}>{event.status}</span> },
                  { name: "Took", isNumber: true, cell: (event) => duration(event.latencyMs) },
                  { name: "Billed", isNumber: true, cell: (event) => <Amount of={event.billed} /> },
                ]}
              />
            ) : (
              <Empty>Calls appear here as they end.</Empty>
            ))}
        </Card>
        <div class="stack span-4">
          <Card title="Failures" note="Of the last day, the newest first, UTC" error={failures.error}>
            {failures.data &&
              (failures.data.data.length ? (
                <ul class="feed">
                  {failures.data.data.map((event) => (
                    <li key={event.id}>
                      <span class="badge bad">error</span> <a href={href("requests", { range: "24h", status: "error", event: event.id })}>{event.model}</a>
                      <span class="muted">{time(event.timestamp)}</span>
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty>Nothing failed in the last day.</Empty>
              ))}
          </Card>
          {ownWorkspace.value === null && (
            <Card title="Tools" note="In the process that answers you" error={process.error}>
              {tools?.length ? (
                <dl class="facts">
                  {tools.map((one) => (
                    <>
                      <dt key={`${one.name} ${one.labels["tool"]}`}>
                        {one.labels["tool"]}, {one.name.replace(/^headgate_(tool_|tools_)?/, "").replaceAll("_", " ")}
                      </dt>
                      <dd>{count(one.value)}</dd>
                    </>
                  ))}
                </dl>
              ) : (
                process.data && <Empty>Calls of tools that run or wait appear here by tool.</Empty>
              )}
            </Card>
          )}
        </div>
      </div>
    </>
  );
};

function percentiles(found: Latency): string {
  const { p50, p99 } = found.whole;
  return p50 === null || p99 === null ? "No answers yet" : `p50 ${duration(p50)} · p99 ${duration(p99)}`;
}
