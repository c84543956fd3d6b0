/** Agent runs: all of them, and one with its steps as they happen. */

import type { FunctionComponent } from "preact";

import { type Page, type RunSummary, withQuery } from "../api";
import { ago, count, duration, money } from "../format";
import { BarList } from "../parts/bar-list";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { address } from "../parts/code";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { usePoll } from "../parts/poll";
import { RunState, STATES } from "../parts/run-state";
import { Table } from "../parts/table";
import { useResource } from "../resource";
import { href, param, place, setParams } from "../router";
import { OneRun } from "./one-run";

const EVERY_MS = 3000;

export const Runs: FunctionComponent = () => {
  const [, id] = place.value.path.split("/");
  return id ? <OneRun key={id} id={decodeURIComponent(id)} /> : <AllRuns />;
};

const AllRuns: FunctionComponent = () => {
  const status = param("status");
  const cursor = param("cursor");
  const page = useResource<Page<RunSummary>>(withQuery("/v1/agents/runs", { status, cursor, limit: 50 }), ["runs"]);
  usePoll(EVERY_MS, () => {
    if (!cursor) page.reload();
  });
  const runs = page.data?.data;
  const of = (...states: string[]): number | undefined => runs?.filter((run) => states.includes(run.status)).length;
  const types = new Map<string, number>();
  for (const run of runs ?? []) types.set(run.type, (types.get(run.type) ?? 0) + 1);
  const note = page.data?.nextCursor ? "Of the newest 50" : "Of all that are shown";
  return (
    <>
      <PageHead title="Agent runs" purpose="Work of many steps: what runs, what waits for you, and what came of it." live />
      <div class="grid">
        <Figure label="Under way" value={runs && count(of("queued", "running")!)} note={note} />
        <Figure label="Waiting for approval" value={runs && count(of("waiting")!)} note="For somebody's decision" />
        <Figure label="Failed" value={runs && count(of("failed")!)} note={note} />
        <Figure label="Billed" value={runs && money(runs.reduce((sum, run) => sum + run.billed, 0))} note={note} />
        {types.size > 0 && (
          <Card title="Runs by type" note={note}>
            <BarList label="Runs by type" columns={["Type", "Runs"]} format={count} bars={[...types].map(([name, value]) => ({ name, value }))} />
          </Card>
        )}
        <Card
          title="All runs"
          note="The newest first"
          error={page.error}
          isOld={page.isOld}
          tools={
            <form class="filters" onSubmit={(event) => event.preventDefault()}>
              <Field label="Status">
                <select value={status ?? ""} onChange={(event) => setParams({ status: event.currentTarget.value, cursor: null })}>
                  <option value="">any</option>
                  {Object.keys(STATES).map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </Field>
            </form>
          }
        >
          {runs &&
            (runs.length ? (
              <>
                <Table<RunSummary>
                  label="All runs"
                  id={(run) => run.runId}
                  rows={runs}
                  columns={[
                    {
                      name: "Run",
                      cell: (run) => (
                        <a class="mono" href={href(`runs/${run.runId}`)}>
                          {run.runId}
                        </a>
                      ),
                    },
                    { name: "Status", cell: (run) => <RunState of={run.status} /> },
                    { name: "Type", cell: (run) => run.type },
                    { name: "Model", cell: (run) => run.model },
                    { name: "User", cell: (run) => run.userId ?? <span class="muted">none</span> },
                    { name: "Steps", isNumber: true, cell: (run) => count(run.stepCount) },
                    { name: "Billed", isNumber: true, cell: (run) => <Amount of={run.billed} /> },
                    { name: "Took", isNumber: true, cell: (run) => tookText(run) },
                    { name: "Begun", isNumber: true, cell: (run) => ago(run.createdAt) },
                  ]}
                />
                <div class="pages">
                  <button type="button" disabled={!cursor} onClick={() => setParams({ cursor: null })}>
                    Newest
                  </button>
                  <button type="button" disabled={!page.data!.nextCursor} onClick={() => setParams({ cursor: page.data!.nextCursor })}>
                    Older
                  </button>
                </div>
              </>
            ) : (
              <Empty
                command={`curl ${address()}/v1/agents/run \\\n  -H 'Authorization: Bearer YOUR_KEY' -H 'Content-Type: application/json' \\\n  -d '{"type": "react", "input": "What is 19 times 23?", "tools": ["calculator"]}'`}
              >
                {status ? `No run is ${status}.` : "No run yet. Start one, and follow it here step by step:"}
              </Empty>
            ))}
        </Card>
      </div>
    </>
  );
};

function tookText(run: RunSummary): string {
  if (!run.startedAt) return "–";
  const end = run.finishedAt ? Date.parse(run.finishedAt) : Date.now();
  return duration(end - Date.parse(run.startedAt));
}
