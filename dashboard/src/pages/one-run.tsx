/** One run: its steps as they happen, what waits for a decision, and what came of it. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";

import { type Run, send, type Tool } from "../api";
import { type Span, Timeline } from "../charts/timeline";
import { count, duration, exactMoney, money, time } from "../format";
import { tick } from "../live";
import { type Action, useAction } from "../parts/action";
import { Card } from "../parts/card";
import { Empty } from "../parts/empty";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { ForAdmins } from "../parts/for-admins";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { RunState } from "../parts/run-state";
import { invalidate, useResource } from "../resource";
import { href, param, setParams } from "../router";
import { type RunEvent, toldOf, useRunEvents } from "../run-events";

const ENDED = ["succeeded", "failed", "cancelled"];

export const OneRun: FunctionComponent<{ id: string }> = ({ id }) => {
  const path = `/v1/agents/runs/${encodeURIComponent(id)}`;
  const found = useResource<Run>(path);
  const events = useRunEvents(id, () => invalidate(path));
  const action = useAction();
  const run = found.data;
  const told = events.value;
  const command = (name: string): void => void action.run(async () => void (await send("POST", `${path}/${name}`).then(() => invalidate(path))));
  const now = Date.parse(tick.value?.at ?? "") || Date.now();
  const steps = run?.steps ?? [];
  const chosen = param("step") ?? steps.at(-1)?.stepId ?? null;
  const hasEnded = run && ENDED.includes(run.status);
  return (
    <>
      <PageHead title="Agent run" purpose={id} live={!hasEnded}>
        <a class="button" href={href("runs")}>
          All runs
        </a>
        {run && !hasEnded && (
          <ForAdmins>
            {run.status === "paused" ? (
              <button type="button" disabled={action.isBusy.value} onClick={() => command("resume")}>
                Resume
              </button>
            ) : (
              <button type="button" disabled={action.isBusy.value} onClick={() => command("pause")}>
                Pause
              </button>
            )}
            <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => command("cancel")}>
              Cancel
            </button>
          </ForAdmins>
        )}
      </PageHead>
      {action.error.value && <Problem error={action.error.value} what="Not done" />}
      {found.error && <Problem error={found.error} />}
      {run && (
        <div class="grid">
          <Figure label="Status" value={run.status[0]!.toUpperCase() + run.status.slice(1)} note={run.error ? run.error.code.replaceAll("_", " ") : `${run.type}, ${run.model}`} />
          <Figure label="Steps" value={count(run.stepCount)} note={run.tools.length ? `Tools: ${run.tools.join(", ")}` : "No tools"} />
          <Figure label="Billed" value={money(run.billed)} note={run.budget === null ? `Vendor cost ${money(run.cost)}` : `Of a budget of ${money(run.budget)}`} />
          <Figure label="Took" value={run.startedAt ? duration((run.finishedAt ? Date.parse(run.finishedAt) : now) - Date.parse(run.startedAt)) : "–"} note={`Begun ${time(run.createdAt)} UTC`} />
          {run.pendingApprovals.map((approval) => (
            <Approval key={approval.stepId} path={path} run={run} of={approval} />
          ))}
          {run.error && (
            <div class="span-12">
              <p class="problem" role="alert">
                <strong>{run.error.code.replaceAll("_", " ")}:</strong> {run.error.message}
              </p>
            </div>
          )}
          <Card title="Steps" note="Fitted to the width; choose one to see what happened in it" span={7}>
            {steps.length ? (
              <Timeline label="Steps" spans={steps.map(spanOf)} now={now} chosen={chosen} onChoose={(step) => setParams({ step })} />
            ) : (
              <Empty>Steps appear here as they begin.</Empty>
            )}
          </Card>
          {chosen && <StepCard run={run} id={chosen} events={told} />}
          <Card title="Output" span={7} tools={<RunState of={run.status} />}>
            {run.output !== null && run.output !== undefined ? <Value of={run.output} /> : <Empty>{hasEnded ? "It ended without an output." : "What comes of the run appears here at its end."}</Empty>}
          </Card>
          <Card title="Input" span={5}>
            <Value of={run.input} />
          </Card>
        </div>
      )}
    </>
  );
};

type Pending = Run["pendingApprovals"][number];

const Approval: FunctionComponent<{ path: string; run: Run; of: Pending }> = ({ path, run, of: approval }) => {
  const comment = useSignal("");
  const action: Action = useAction();
  const decide = (approved: boolean): void =>
    void action.run(async () => {
      await send("POST", `${path}/approvals/${encodeURIComponent(approval.stepId)}`, { approved, comment: comment.value.trim() || null });
      invalidate(path);
    });
  return (
    <section class="card approval span-12">
      <div class="card-head">
        <div>
          <span class="badge warn">Waits for you</span>
          <h2>
            May it call <span class="mono">{approval.tool}</span>?
          </h2>
          <p class="muted">
            Asked {time(approval.requestedAt)}, open until {time(approval.expiresAt)} UTC. The run waits.
          </p>
        </div>
      </div>
      <h3>Called with</h3>
      <Value of={approval.arguments} />
      <Effect tool={approval.tool} run={run} />
      {action.error.value && <Problem error={action.error.value} what="Not decided" />}
      <ForAdmins>
        <div class="filters">
          <Field label="Note to the run">
            <input value={comment.value} placeholder="may be left empty" onInput={(event) => (comment.value = event.currentTarget.value)} />
          </Field>
          <button class="primary" type="button" disabled={action.isBusy.value} onClick={() => decide(true)}>
            Approve
          </button>
          <button class="danger" type="button" disabled={action.isBusy.value} onClick={() => decide(false)}>
            Reject
          </button>
        </div>
      </ForAdmins>
    </section>
  );
};

/** What will happen, one way and the other. */
const Effect: FunctionComponent<{ tool: string; run: Run }> = ({ tool, run }) => {
  const tools = useResource<{ data: Tool[] }>("/v1/tools");
  const found = tools.data?.data.find((one) => one.name === tool);
  const left = run.budget === null ? "no budget limits what follows" : `${money(Math.max(0, run.budget - run.billed))} of its budget is left`;
  return (
    <dl class="facts effect">
      <dt>Approve</dt>
      <dd>
        {found ? (
          <>
            {sentence(found.description)} {found.idempotent ? "Done again, it changes nothing more." : "Each call acts anew, and cannot be taken back here."} It is stopped after{" "}
            {count(found.timeoutSeconds)} seconds.
          </>
        ) : (
          "The tool is called once, with exactly these arguments."
        )}{" "}
        Then the run goes on; {left}.
      </dd>
      <dt>Reject</dt>
      <dd>The tool is not called. The model reads that you declined, with your note, and goes on without it.</dd>
    </dl>
  );
};

function sentence(text: string): string {
  const first = text.trim().split("\n\n")[0]!.replace(/\s+/g, " ");
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

const StepCard: FunctionComponent<{ run: Run; id: string; events: RunEvent[] }> = ({ run, id, events }) => {
  const step = run.steps.find((one) => one.stepId === id);
  const { text, rest } = toldOf(events, id);
  return (
    <Card title={step ? `${step.name}` : "Step"} note={step && `${step.kind}, attempt ${step.attempt}`} span={5}>
      {step && (
        <dl class="facts">
          <dt>Begun</dt>
          <dd>{time(step.startedAt)} UTC</dd>
          {step.finishedAt && (
            <>
              <dt>Took</dt>
              <dd>{duration(Date.parse(step.finishedAt) - Date.parse(step.startedAt))}</dd>
            </>
          )}
          {step.billed != null && (
            <>
              <dt>Billed</dt>
              <dd>{exactMoney(step.billed)}</dd>
            </>
          )}
        </dl>
      )}
      {step?.error && (
        <p class="problem">
          <strong>{step.error.code.replaceAll("_", " ")}:</strong> {step.error.message}
        </p>
      )}
      {text && (
        <>
          <h3>Answer</h3>
          <p class="answer" aria-live="polite">
            {text}
          </p>
        </>
      )}
      {rest.map((event) => (
        <Happened key={event.seq} event={event} />
      ))}
    </Card>
  );
};

const WORDS: Record<string, string> = { "tool.called": "Called with", "tool.result": "Gave", "approval.requested": "Asked for approval", "approval.decided": "Decided" };

const Happened: FunctionComponent<{ event: RunEvent }> = ({ event }) => {
  const word = WORDS[event.type];
  if (!word) return null;
  const { seq: _seq, attempt: _attempt, at: _at, runId: _run, stepId: _step, type: _type, tool: _tool, ...told } = event;
  const values = Object.values(told).filter((value) => value !== null);
  return (
    <>
      <h3>{word}</h3>
      <Value of={values.length === 1 ? values[0] : told} />
    </>
  );
};

/** Text as it is, everything else as JSON. */
const Value: FunctionComponent<{ of: unknown }> = ({ of: value }) => {
  const only = value !== null && typeof value === "object" && Object.keys(value).length === 1 && typeof (value as { text?: unknown }).text === "string";
  const text = typeof value === "string" ? value : only ? (value as { text: string }).text : JSON.stringify(value, null, 2);
  return (
    <pre class="text" tabIndex={0}>
      {text}
    </pre>
  );
};

function spanOf(step: Run["steps"][number]): Span {
  return {
    id: step.stepId,
    name: step.name,
    kind: step.kind,
    start: Date.parse(step.startedAt),
    end: step.finishedAt ? Date.parse(step.finishedAt) : null,
    tone: step.error ? "bad" : step.kind === "tool" ? "s2" : step.kind === "approval" ? "s4" : "s1",
  };
}
