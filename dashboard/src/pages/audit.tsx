/** Audit: who did what to the platform, and whether its log is as it was written. */

import type { FunctionComponent } from "preact";

import { type Act, type Page, withQuery } from "../api";
import { actsByKind, actText } from "../acts";
import { count, date, timeOfDay } from "../format";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Filter } from "../parts/filter";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { Paging } from "../parts/paging";
import { usePoll } from "../parts/poll";
import { useRange } from "../parts/range";
import { Table } from "../parts/table";
import { between, type Range } from "../ranges";
import { useResource } from "../resource";
import { param, setParams } from "../router";
import { ownWorkspace } from "../session";
import { MEANS, OneAct, Result } from "./one-act";
import { Chain } from "./audit-chain";

const FILTERS = ["actor", "action", "target"] as const;
const EVERY_MS = 5000;

export const Audit: FunctionComponent = () => {
  const usual = useRange();
  const range = between(param("from"), param("to"), usual);
  const cursor = param("cursor");
  const which = {
    from: range.from.toISOString(),
    to: range.to.toISOString(),
    actor: param("actor"),
    action: param("action"),
    target: param("target"),
  };
  // Later pages stand still: what is new belongs to the first one.
  const page = useResource<Page<Act>>(withQuery("/v1/audit", { ...which, limit: 50, cursor }), cursor ? [] : ["settings"]);
  usePoll(EVERY_MS, () => {
    if (!cursor) page.reload();
  });
  const acts = page.data?.data;
  const selected = param("act");
  const act = acts?.find((one) => one.id === selected);
  const of = (result: Act["result"]): string | undefined => acts && count(acts.filter((one) => one.result === result).length);
  const note = page.data && (cursor || page.data.nextCursor ? `Of the ${count(acts!.length)} on this page` : "Of all in this range");
  return (
    <>
      <PageHead title="Audit" purpose="Who did what to the platform and when, and how it was before and after." range={range} live />
      <div class="grid">
        <Figure label="Acts" value={acts && count(acts.length)} note={page.data && (page.data.nextCursor ? "On this page; there are older ones" : cursor ? "On this page, the last one" : "All in this range")} isOld={page.isOld} />
        <Figure label="Actors" value={acts && count(new Set(acts.map((one) => one.actor.userId ?? one.actor.keyId)).size)} note={note} isOld={page.isOld} />
        <Figure label="Refused" value={of("refused")} note={note} isOld={page.isOld} />
        <Figure label="Outcome unknown" value={of("unknown")} note="Under way, or a process died in it" isOld={page.isOld} />
        <Card title="Filter" note="All must hold; days are UTC and both included">
          <Filters range={range} />
        </Card>
        <Card
          title="Acts"
          note="Begun at, UTC, the newest first"
          span={7}
          error={page.error}
          isOld={page.isOld}
          tools={
            <>
              <a class="button small" download href={withQuery("/v1/audit/export", { ...which, format: "csv" })}>
                Export CSV
              </a>
              <a class="button small" download href={withQuery("/v1/audit/export", { ...which, format: "jsonl" })}>
                Export JSON lines
              </a>
            </>
          }
        >
          {acts && (
            <>
              {acts.length ? (
                <Table<Act>
                  label="Acts"
                  id={(one) => one.id}
                  selected={selected}
                  rows={acts}
                  columns={[
                    {
                      name: "Time",
                      cell: (one) => (
                        <button class="link mono" type="button" aria-expanded={one.id === selected} onClick={() => setParams({ act: one.id === selected ? null : one.id })}>
                          {date(one.at)}
                          <br />
                          {timeOfDay(one.at)}
                        </button>
                      ),
                    },
                    {
                      name: "Who",
                      cell: (one) => (
                        <>
                          {one.actor.name}
                          <br />
                          <span class="muted">{MEANS[one.actor.means]}</span>
                        </>
                      ),
                    },
                    {
                      name: "What",
                      cell: (one) => (
                        <>
                          {actText(one.action)}
                          <br />
                          <span class="mono muted id" title={one.target}>
                            {one.target || "–"}
                          </span>
                        </>
                      ),
                    },
                    { name: "Result", cell: (one) => <Result of={one} /> },
                  ]}
                />
              ) : (
                <Empty>{FILTERS.some((name) => param(name)) ? "No act in this range fits the filter." : "Acts of administrators appear here before they are done."}</Empty>
              )}
              <Paging cursor={cursor} next={page.data!.nextCursor} opened="act" />
            </>
          )}
        </Card>
        <div class="stack aside span-5">
          {act && <OneAct key={act.id} of={act} />}
          {ownWorkspace.value === null && <Chain />}
        </div>
      </div>
    </>
  );
};

const Filters: FunctionComponent<{ range: Range }> = ({ range }) => {
  const set = (name: string, value: string): void => setParams({ [name]: value, cursor: null, act: null });
  const first = range.from.toISOString().slice(0, 10);
  const last = new Date(range.to.getTime() - 1).toISOString().slice(0, 10);
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <Filter label="Actor" placeholder="key or user id" value={param("actor") ?? ""} onSet={(value) => set("actor", value)} />
      <Field label="Act">
        <select value={param("action") ?? ""} onChange={(event) => set("action", event.currentTarget.value)}>
          <option value="">any</option>
          {actsByKind().map(({ kind, title, actions }) => (
            <optgroup key={kind} label={title}>
              {actions.length > 1 && <option value={kind}>{title}: all acts</option>}
              {actions.map((action) => (
                <option key={action} value={action}>
                  {actText(action)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </Field>
      <Filter label="Target" placeholder="its id" value={param("target") ?? ""} onSet={(value) => set("target", value)} />
      <Filter label="From" day={{ max: last }} value={first} onSet={(value) => set("from", value)} />
      <Filter label="Until" day={{ min: first }} value={last} onSet={(value) => set("to", value)} />
      {[...FILTERS, "from", "to"].some((name) => param(name)) && (
        <button type="button" onClick={() => setParams({ actor: null, action: null, target: null, from: null, to: null, cursor: null, act: null })}>
          Clear
        </button>
      )}
    </form>
  );
};
