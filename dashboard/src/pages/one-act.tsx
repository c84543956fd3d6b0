/** One act of the audit log: who, what and from where, and what it changed. */

import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Act } from "../api";
import { actText } from "../acts";
import { type Change, changesOf } from "../changes";
import { count, date, timeOfDay } from "../format";
import { Card } from "../parts/card";
import { CopyButton } from "../parts/code";
import { href, setParams } from "../router";

export const MEANS: Record<Act["actor"]["means"], string> = {
  key: "with a key",
  session: "at the dashboard",
  command: "on the command line",
  platform: "by itself",
};
const RESULTS: Record<Act["result"], string> = { done: "good", refused: "bad", unknown: "warn" };

export const Result: FunctionComponent<{ of: Act }> = ({ of: act }) => <span class={`badge ${RESULTS[act.result]}`}>{act.result}</span>;

export const OneAct: FunctionComponent<{ of: Act }> = ({ of: act }) => {
  const top = useRef<HTMLDivElement>(null);
  // On a phone it stands below the list.
  useEffect(() => top.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <div ref={top}>
      <Card
        title={actText(act.action)}
        note={`${date(act.at)}, ${timeOfDay(act.at)} UTC`}
        tools={
          <button class="small" type="button" onClick={() => setParams({ act: null })}>
            Close
          </button>
        }
      >
        <dl class="facts">
          <dt>Result</dt>
          <dd>
            <Result of={act} /> {act.code && <span class="mono">{act.code}</span>}
          </dd>
          <dt>Act</dt>
          <dd class="mono">{act.action}</dd>
          <dt>Target</dt>
          <dd class="mono">{act.target ? <a href={href("audit", { target: act.target })}>{act.target}</a> : "none"}</dd>
          <dt>Who</dt>
          <dd>
            {act.actor.name}, {MEANS[act.actor.means]}
          </dd>
          <Actor name="Key" id={act.actor.keyId} />
          <Actor name="User" id={act.actor.userId} />
          {act.workspaceId && (
            <>
              <dt>Workspace</dt>
              <dd>{act.workspaceId}</dd>
            </>
          )}
          {act.address && (
            <>
              <dt>Address</dt>
              <dd class="mono">{act.address}</dd>
            </>
          )}
          {act.requestId && (
            <>
              <dt>Request id</dt>
              <dd>
                <span class="mono">{act.requestId}</span> <CopyButton text={act.requestId} />
              </dd>
            </>
          )}
        </dl>
        <BeforeAndAfter of={act} />
      </Card>
    </div>
  );
};

const Actor: FunctionComponent<{ name: string; id: string | null }> = ({ name, id }) =>
  id ? (
    <>
      <dt>{name}</dt>
      <dd class="mono">
        <a href={href("audit", { actor: id })}>{id}</a>
      </dd>
    </>
  ) : null;

const BeforeAndAfter: FunctionComponent<{ of: Act }> = ({ of: act }) => {
  if (act.result !== "done") {
    const was = changesOf(act.before, null).map(({ field, before }) => ({ field, value: before! }));
    return (
      <>
        <h3>{act.result === "refused" ? "Nothing was changed" : "Whether it was done is not known"}</h3>
        <p class="muted">{act.result === "refused" ? "The platform refused it." : "It is under way, or the process died in it: look at the target."}</p>
        <Same fields={was} what="as it was before" />
      </>
    );
  }
  const all = changesOf(act.before, act.after);
  const changed = all.filter((change) => change.before !== change.after);
  const same = all.filter((change) => change.before === change.after);
  return (
    <>
      <h3>Before and after</h3>
      {changed.length ? (
        <ul class="changes">
          {changed.map((change) => (
            <Changed key={change.field} of={change} />
          ))}
        </ul>
      ) : (
        <p class="muted">The log keeps nothing more of this act.</p>
      )}
      <Same fields={same.map(({ field, after }) => ({ field, value: after! }))} what="unchanged" />
    </>
  );
};

const Changed: FunctionComponent<{ of: Change }> = ({ of: { field, before, after } }) => (
  <li>
    <span class="mono">{field}</span>
    {before !== null && (
      <del>
        <span class="hidden">before: </span>
        {before}
      </del>
    )}
    {after !== null && (
      <ins>
        <span class="hidden">after: </span>
        {after}
      </ins>
    )}
  </li>
);

const Same: FunctionComponent<{ fields: { field: string; value: string }[]; what: string }> = ({ fields, what }) =>
  fields.length ? (
    <details>
      <summary>
        {fields.length === 1 ? "1 field" : `${count(fields.length)} fields`} {what}
      </summary>
      <dl class="facts">
        {fields.map(({ field, value }) => (
          <>
            <dt class="mono" key={field}>
              {field}
            </dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
    </details>
  ) : null;
