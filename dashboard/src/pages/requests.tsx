/** Requests: the ledger, call by call. */

import type { FunctionComponent } from "preact";

import { type Event, type Page, type Usage, withQuery } from "../api";
import { count, duration, exactMoney, money, percent, time } from "../format";
import { Amount } from "../parts/amount";
import { Card } from "../parts/card";
import { CopyButton } from "../parts/code";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Filter } from "../parts/filter";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { Paging } from "../parts/paging";
import { useRange } from "../parts/range";
import { RequestsChart } from "../parts/requests-chart";
import { Table } from "../parts/table";
import type { Range } from "../ranges";
import { useResource } from "../resource";
import { param, setParams } from "../router";

const STATUSES = { ok: "good", error: "bad", cancelled: "", incomplete: "warn" } as const;
const FILTERS = ["user", "key", "model", "status", "cache"] as const;

export const Requests: FunctionComponent = () => {
  const range = useRange();
  const cursor = param("cursor");
  const path = withQuery("/v1/usage/events", {
    from: range.from.toISOString(),
    to: range.to.toISOString(),
    userId: param("user"),
    keyId: param("key"),
    model: param("model"),
    status: param("status"),
    cache: param("cache"),
    limit: 50,
    cursor,
  });
  // Later pages stand still: what is new belongs to the first one.
  const page = useResource<Page<Event>>(path, cursor ? [] : ["usage"]);
  const selected = param("event");
  const event = page.data?.data.find((one) => one.id === selected);
  const isFiltered = FILTERS.some((name) => param(name));
  return (
    <>
      <PageHead title="Requests" purpose="Every call as the ledger has it, the newest first." range={range} live />
      <div class="grid">
        <Sums range={range} />
        <Card title="Filter" note="All must hold">
          <Filters />
        </Card>
        <Card title="Calls" note="Ended at, UTC" span={event ? 7 : 12} error={page.error} isOld={page.isOld}>
          {page.data && (
            <>
              {page.data.data.length ? (
                <Table<Event>
                  label="Calls"
                  id={(one) => one.id}
                  selected={selected}
                  rows={page.data.data}
                  columns={[
                    {
                      name: "Time",
                      cell: (one) => (
                        <button class="link mono" type="button" aria-expanded={one.id === selected} onClick={() => setParams({ event: one.id === selected ? null : one.id })}>
                          {time(one.timestamp)}
                        </button>
                      ),
                    },
                    { name: "Model", cell: (one) => one.model },
                    { name: "User", cell: (one) => one.userId ?? <span class="muted">none</span> },
                    { name: "Status", cell: (one) => <Status event={one} /> },
                    { name: "Tokens", isNumber: true, cell: (one) => count(one.inputTokens + one.outputTokens) },
                    { name: "Billed", isNumber: true, cell: (one) => <Amount of={one.billed} /> },
                    { name: "Took", isNumber: true, cell: (one) => duration(one.latencyMs) },
                  ]}
                />
              ) : (
                <Empty>{isFiltered ? "No call in this range fits the filter." : "Calls appear here within three seconds of their end."}</Empty>
              )}
              <Paging cursor={cursor} next={page.data.nextCursor} opened="event" />
            </>
          )}
        </Card>
        {event && <Detail event={event} />}
      </div>
    </>
  );
};

/** The sums of the range, of the user and key that are asked for. */
const Sums: FunctionComponent<{ range: Range }> = ({ range }) => {
  const query = { from: range.from.toISOString(), to: range.to.toISOString(), userId: param("user"), keyId: param("key") };
  const times = useResource<Usage<"day" | "hour">>(withQuery("/v1/usage", { ...query, groupBy: range.bucket }), ["usage"]);
  const totals = times.data?.totals;
  const whose = query.userId || query.keyId ? "Of this user or key" : "Of all users and keys";
  return (
    <>
      <Figure label="Requests" value={totals && count(totals.requests)} note={whose} isOld={times.isOld} />
      <Figure label="Failed" value={totals && count(totals.errors)} note={totals && (totals.requests ? `${percent(totals.errors / totals.requests, 2)} of them` : "of none")} isOld={times.isOld} />
      <Figure label="Billed" value={totals && money(totals.billed)} note={totals && `Vendor cost ${money(totals.cost)}`} isOld={times.isOld} />
      <Figure label="Cache hits" value={totals && count(totals.cacheHits)} note={totals && `${money(totals.savedCost)} saved`} isOld={times.isOld} />
      <RequestsChart range={range} times={times} />
    </>
  );
};

const Filters: FunctionComponent = () => {
  const set = (name: string, value: string): void => setParams({ [name]: value, cursor: null, event: null });
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <Filter label="User" placeholder="anyone" value={param("user") ?? ""} onSet={(value) => set("user", value)} />
      <Filter label="Key id" placeholder="sk-proj-…" value={param("key") ?? ""} onSet={(value) => set("key", value)} />
      <Filter label="Model" placeholder="any" value={param("model") ?? ""} onSet={(value) => set("model", value)} />
      <Field label="Status">
        <select value={param("status") ?? ""} onChange={(event) => set("status", event.currentTarget.value)}>
          <option value="">any</option>
          {Object.keys(STATUSES).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <Field label="Cache">
        <select value={param("cache") ?? ""} onChange={(event) => set("cache", event.currentTarget.value)}>
          <option value="">any</option>
          <option>hit</option>
          <option>miss</option>
          <option>bypass</option>
        </select>
      </Field>
      {FILTERS.some((name) => param(name)) && (
        <button type="button" onClick={() => setParams({ user: null, key: null, model: null, status: null, cache: null, cursor: null })}>
          Clear
        </button>
      )}
    </form>
  );
};

const Status: FunctionComponent<{ event: Event }> = ({ event }) => (
  <span class={`badge ${STATUSES[event.status as keyof typeof STATUSES] ?? ""}`}>
    {event.status}
    {event.cache === "hit" && ", cached"}
  </span>
);

const Detail: FunctionComponent<{ event: Event }> = ({ event }) => (
  <Card
    title="One call"
    span={5}
    tools={
      <button class="small" type="button" onClick={() => setParams({ event: null })}>
        Close
      </button>
    }
  >
    <dl class="facts">
      <dt>Request id</dt>
      <dd>
        <span class="mono">{event.requestId}</span> <CopyButton text={event.requestId} />
      </dd>
      <dt>Ended</dt>
      <dd>{time(event.timestamp)} UTC</dd>
      <dt>Answered by</dt>
      <dd>
        {event.provider} / {event.model}
      </dd>
      <dt>Kind</dt>
      <dd>
        {event.requestType}
        {event.useCase && `, ${event.useCase}`}
      </dd>
      <dt>Key</dt>
      <dd class="mono">{event.keyId}</dd>
      <dt>User, workspace</dt>
      <dd>
        {event.userId ?? "none"}, {event.workspaceId}
      </dd>
      <dt>Took</dt>
      <dd>
        {duration(event.latencyMs)}
        {event.firstTokenMs !== null && `, first piece after ${duration(event.firstTokenMs)}`}
      </dd>
    </dl>
    <h3>Tokens</h3>
    <dl class="facts">
      <dt>Input</dt>
      <dd>{count(event.inputTokens)}</dd>
      <dt>of these from the vendor's cache</dt>
      <dd>{count(event.cachedInputTokens)}</dd>
      <dt>Output</dt>
      <dd>{count(event.outputTokens)}</dd>
      <dt>of these for thinking</dt>
      <dd>{count(event.reasoningTokens)}</dd>
      {event.estimated && (
        <>
          <dt>Counted by</dt>
          <dd>the platform, since the vendor gave no count</dd>
        </>
      )}
    </dl>
    <h3>Money</h3>
    <dl class="facts">
      <dt>Vendor cost</dt>
      <dd>{exactMoney(event.cost)}</dd>
      <dt>Billed</dt>
      <dd>
        {exactMoney(event.billed)}
        {event.byok && ", the user's own vendor key"}
      </dd>
      {event.savedCost > 0 && (
        <>
          <dt>Saved by the cache</dt>
          <dd>{exactMoney(event.savedCost)}</dd>
        </>
      )}
      {event.autoSaved > 0 && (
        <>
          <dt>Saved by auto</dt>
          <dd>{exactMoney(event.autoSaved)}</dd>
        </>
      )}
      <dt>Prices of</dt>
      <dd class="mono">{event.priceVersion}</dd>
      {event.tags.length > 0 && (
        <>
          <dt>Tags</dt>
          <dd>{event.tags.join(", ")}</dd>
        </>
      )}
      {event.runId && (
        <>
          <dt>Run</dt>
          <dd class="mono">{event.runId}</dd>
        </>
      )}
    </dl>
  </Card>
);
