/** Health: how the platform itself does. */

import type { FunctionComponent } from "preact";

import { type Health as HealthAnswer, type Latency, type Process, withQuery } from "../api";
import { HeatMap } from "../charts/heat-map";
import { TimeChart } from "../charts/time-chart";
import { ago, bytes, clock, count, day, duration, percent } from "../format";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Figure } from "../parts/figure";
import { useMinute } from "../parts/minute";
import { PageHead } from "../parts/page-head";
import { usePoll } from "../parts/poll";
import { ServiceLevels } from "../parts/service-levels";
import { Table } from "../parts/table";
import { useResource } from "../resource";

const HOUR = 3_600_000;
const HOURS = 24;
const EVERY_MS = 5000;

export const Health: FunctionComponent = () => {
  const now = useMinute();
  const end = (Math.floor(now.getTime() / HOUR) + 1) * HOUR;
  const latency = useResource<Latency>(
    withQuery("/v1/usage/latency", { from: new Date(end - HOURS * HOUR).toISOString(), to: new Date(end).toISOString(), bucketSeconds: 3600 }),
    ["usage"],
    10_000,
  );
  const process = useResource<Process>("/v1/process");
  const health = useResource<HealthAnswer>("/v1/health");
  usePoll(EVERY_MS, () => {
    process.reload();
    health.reload();
  });
  const here = process.data;
  const last = here?.samples.at(-1);
  const found = latency.data;
  return (
    <>
      <PageHead title="Health" purpose="How the platform itself does: its parts, its process, and how long answers take." live>
        <p class="range-text">Times in UTC</p>
      </PageHead>
      <div class="grid">
        <Figure label="Platform" value={health.data && (health.data.status === "ok" ? "Well" : "Not well")} note={here && `Headgate ${here.version}, Python ${here.python}`} />
        <Figure label="Up for" value={here && duration(Date.now() - Date.parse(here.startedAt))} note={here && `Process ${here.pid}, started ${ago(here.startedAt)}`} />
        <Figure label="Memory" value={last && bytes(last.memoryBytes)} note="Of the process that answers you" />
        <Figure label="Answer time, p95" value={found && (found.whole.p95 === null ? "–" : duration(found.whole.p95))} note={`Last ${HOURS} hours, to the end of the answer`} />
        <Card title="Parts" note="Asked just now" span={6} error={health.error ?? process.error}>
          {here && (
            <Table
              label="Parts"
              id={(check) => check.name}
              rows={here.checks}
              columns={[
                { name: "Part", cell: (check) => check.name },
                { name: "State", cell: (check) => <span class={`badge ${check.isWell ? (check.said === "ok" ? "good" : "warn") : "bad"}`}>{check.said === "ok" ? "Well" : check.said}</span> },
                { name: "Answered in", isNumber: true, cell: (check) => `${check.milliseconds.toFixed(1)} ms` },
              ]}
            />
          )}
        </Card>
        <Card title="Models in trouble" note="As the answering process sees them" span={6}>
          {health.data &&
            (Object.keys(health.data.providers).length ? (
              <Table
                label="Models in trouble"
                id={([model]) => model}
                rows={Object.entries(health.data.providers)}
                columns={[
                  { name: "Model", cell: ([model]) => model },
                  { name: "State", cell: ([, trouble]) => <span class={`badge ${trouble.state === "open" ? "bad" : "warn"}`}>{trouble.state}</span> },
                  { name: "Last error", cell: ([, trouble]) => trouble.lastError },
                  { name: "Since", isNumber: true, cell: ([, trouble]) => ago(trouble.since) },
                ]}
              />
            ) : (
              <Empty>All vendors' models answer. One that fails is named here, and left alone for a while where another can answer.</Empty>
            ))}
        </Card>
        <ServiceLevels />
        <Card title="Answer time by hour" note={`Calls by how long their answer took, last ${HOURS} hours`} error={latency.error}>
          {found &&
            (found.calls ? (
              <>
                <HeatMap
                  label="Answer time by hour"
                  classes={classNames(found.classBounds)}
                  counts={found.rows.map((row) => row.classes)}
                  moments={found.rows.map((row) => {
                    const start = new Date(row.start);
                    return { label: clock(start), full: `${day(start)} ${clock(start)}` };
                  })}
                />
                {!found.isComplete && <p class="muted">Only the newest {count(found.calls)} calls are counted.</p>}
              </>
            ) : (
              <Empty>How long answers take appears here with the first call.</Empty>
            ))}
        </Card>
        <Tables of={here} />
        {here && <Trend of={here} title="CPU" note="Share of one core" format={(value) => percent(value)} pick={(sample) => sample.cpu} />}
        {here && <Trend of={here} title="Memory" note="Held by the process" format={(value) => `${value.toFixed(0)} MiB`} pick={(sample) => sample.memoryBytes / 1_048_576} />}
        {here && <Trend of={here} title="Event loop delay" note="How late the process came to its own work" format={(value) => `${value.toFixed(1)} ms`} pick={(sample) => sample.lagMs} />}
      </div>
    </>
  );
};

interface TableRow {
  operation: string;
  calls: number;
  throttled: number;
  failed: number;
  mean: number;
  p95: number;
}

/** DynamoDB as the answering process sees it; elsewhere, what stands in its place. */
const Tables: FunctionComponent<{ of: Process | undefined }> = ({ of: process }) => {
  if (!process) return null;
  const rows = tablesOf(process);
  return (
    <Card title="Tables" note="Requests to DynamoDB since the process began, as it sees them">
      {rows.length ? (
        <Table<TableRow>
          label="Tables"
          id={(row) => row.operation}
          rows={rows}
          columns={[
            { name: "Operation", cell: (row) => row.operation },
            { name: "Requests", isNumber: true, cell: (row) => count(row.calls) },
            { name: "Mean", isNumber: true, cell: (row) => duration(row.mean * 1000) },
            { name: "p95 of the last", isNumber: true, cell: (row) => duration(row.p95 * 1000) },
            { name: "Throttled", isNumber: true, cell: (row) => (row.throttled ? <span class="badge warn">{count(row.throttled)}</span> : "0") },
            { name: "Failed", isNumber: true, cell: (row) => (row.failed ? <span class="badge bad">{count(row.failed)}</span> : "0") },
          ]}
        />
      ) : (
        <Empty>
          This platform keeps its data in files of its own, which nothing throttles. With HEADGATE_STORE=dynamodb the tables' latency and throttles stand here. On AWS, cold starts and the tasks' CPU and
          memory are in the CloudWatch dashboard that the monitoring stack makes.
        </Empty>
      )}
    </Card>
  );
};

function tablesOf(process: Process): TableRow[] {
  const rows = new Map<string, TableRow>();
  for (const one of process.measurements) {
    const operation = one.labels["operation"];
    if (!operation || !one.name.startsWith("headgate_table_")) continue;
    const row = rows.get(operation) ?? { operation, calls: 0, throttled: 0, failed: 0, mean: 0, p95: 0 };
    if (one.name === "headgate_table_p95_seconds") row.p95 = one.value;
    else if (one.name === "headgate_table_seconds") row.mean = one.value;
    else {
      row.calls += one.value;
      if (one.labels["outcome"] === "throttled") row.throttled = one.value;
      if (one.labels["outcome"] === "failed") row.failed = one.value;
    }
    rows.set(operation, row);
  }
  return [...rows.values()].map((row) => ({ ...row, mean: row.mean / Math.max(1, row.calls) })).toSorted((one, other) => other.calls - one.calls);
}

type Sample = Process["samples"][number];

const Trend: FunctionComponent<{ of: Process; title: string; note: string; format: (value: number) => string; pick: (sample: Sample) => number }> = ({
  of: process,
  title,
  note,
  format,
  pick,
}) => (
  <Card title={title} note={`${note}, last quarter of an hour`} span={4}>
    {process.samples.length ? (
      <TimeChart
        label={title}
        kind="lines"
        height={150}
        moments={process.samples.map((sample) => {
          const at = new Date(sample.at);
          return { label: clock(at), full: `${clock(at)}:${String(at.getUTCSeconds()).padStart(2, "0")}` };
        })}
        series={[{ name: "Now", tone: "s1", values: process.samples.map(pick) }]}
        format={format}
        summary={(one) => format(one.values.at(-1) ?? 0)}
      />
    ) : (
      <Empty>A figure every five seconds, from five seconds after the start.</Empty>
    )}
  </Card>
);

function classNames(bounds: number[]): string[] {
  const name = (milliseconds: number): string => (milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`);
  return [...bounds.map((bound) => `≤ ${name(bound)}`), `> ${name(bounds.at(-1) ?? 0)}`];
}
