/** Playground: ask one model or two, and see what each says, how quickly, and for how much. */

import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useRef } from "preact/hooks";

import { ApiError, type Model, respond, type TokenUsage } from "../api";
import { count, duration, exactMoney } from "../format";
import { Card } from "../parts/card";
import { address, CopyButton } from "../parts/code";
import { Field } from "../parts/field";
import { Figure } from "../parts/figure";
import { PageHead } from "../parts/page-head";
import { Problem } from "../parts/problem";
import { useResource } from "../resource";
import { param, setParams } from "../router";
import { events } from "../sse";

interface Answer {
  model: string;
  text: string;
  isDone: boolean;
  error: ApiError | null;
  by: string | null;
  usage: TokenUsage | null;
  firstMs: number | null;
  tookMs: number | null;
}

type StreamEvent =
  | { type: "delta"; content: string }
  | { type: "done"; provider: string; model: string; usage: TokenUsage }
  | { type: "error"; error: { message: string; code: string } };

const SIDES = ["a", "b"] as const;
const DEFAULT_MODEL = "auto";

export const Playground: FunctionComponent = () => {
  const models = useResource<{ data: Model[] }>("/v1/models");
  const prompt = useSignal("");
  const system = useSignal("");
  const answers = useSignal<Answer[]>([]);
  const stop = useRef<AbortController | null>(null);
  const asked = [param("a") ?? DEFAULT_MODEL, ...(param("b") ? [param("b")!] : [])];
  const isBusy = answers.value.some((answer) => !answer.isDone);
  const ask = (): void => {
    stop.current?.abort();
    const leaving = new AbortController();
    stop.current = leaving;
    answers.value = asked.map((model) => ({ model, text: "", isDone: false, error: null, by: null, usage: null, firstMs: null, tookMs: null }));
    asked.forEach((model, index) => {
      const change = (fields: Partial<Answer>): void => {
        if (stop.current === leaving) answers.value = answers.value.map((answer, at) => (at === index ? { ...answer, ...fields } : answer));
      };
      void stream(body(model, prompt.value, system.value), change, () => answers.value[index]?.text ?? "", leaving.signal);
    });
  };
  const ended = answers.value.filter((answer) => answer.usage);
  const billed = ended.reduce((sum, answer) => sum + answer.usage!.billed, 0);
  return (
    <>
      <PageHead title="Playground" purpose="Ask one model or two, and see what each says, how quickly, and for how much." />
      <div class="grid">
        <Figure label="Models" value={models.data && count(models.data.data.length)} note="That your key may use" />
        <Figure label="First piece" value={fastest(answers.value, "firstMs")} note="The quickest of these answers" />
        <Figure label="Whole answer" value={fastest(answers.value, "tookMs")} note="The quickest of these answers" />
        <Figure label="Billed" value={ended.length ? exactMoney(billed) : undefined} note="To your key, for these answers" />
        <Card title="Question" note="Real calls, made and billed with the key you signed in with" error={models.error}>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              if (isBusy) stop.current?.abort();
              else ask();
            }}
          >
            <div class="pair">
              {SIDES.map((side, index) => (
                <Field key={side} label={index ? "Beside it" : "Model"}>
                  <select value={param(side) ?? (index ? "" : DEFAULT_MODEL)} onChange={(event) => setParams({ [side]: event.currentTarget.value || null })}>
                    {index === 1 && <option value="">no other model</option>}
                    {models.data?.data.map((model) => <option key={model.id}>{model.id}</option>)}
                    {!models.data && <option>{param(side) ?? DEFAULT_MODEL}</option>}
                  </select>
                </Field>
              ))}
            </div>
            <Field label="Instructions" hint="What holds for the whole conversation; may be left empty">
              <input value={system.value} onInput={(event) => (system.value = event.currentTarget.value)} />
            </Field>
            <Field label="Your question" hint="Control or Command with Enter asks">
              <textarea
                rows={4}
                required
                value={prompt.value}
                onInput={(event) => (prompt.value = event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && prompt.value.trim()) ask();
                }}
              />
            </Field>
            <div class="actions">
              <button class="primary" type="submit" disabled={!prompt.value.trim()}>
                {isBusy ? "Stop" : "Ask"}
              </button>
              <CopyButton text={python(asked[0]!, prompt.value, system.value)} label="Copy as Python" />
              <CopyButton text={typescript(asked[0]!, prompt.value, system.value)} label="Copy as TypeScript" />
              <CopyButton text={curl(asked[0]!, prompt.value, system.value)} label="Copy as curl" />
            </div>
          </form>
        </Card>
        {answers.value.map((answer, index) => (
          <AnswerCard key={index} answer={answer} span={answers.value.length > 1 ? 6 : 12} />
        ))}
      </div>
    </>
  );
};

const AnswerCard: FunctionComponent<{ answer: Answer; span: 6 | 12 }> = ({ answer, span }) => (
  <Card title={answer.model} note={answer.by ?? (answer.isDone ? "No answer" : "Answering …")} span={span}>
    {answer.error && <Problem error={answer.error} what="Failed" />}
    <div class="answer" aria-live="polite" aria-busy={!answer.isDone || undefined}>
      {answer.text || (!answer.error && <span class="muted">{answer.isDone ? "An empty answer." : "Waiting for the first piece."}</span>)}
    </div>
    <dl class="facts">
      <dt>First piece after</dt>
      <dd>{answer.firstMs === null ? "–" : duration(answer.firstMs)}</dd>
      <dt>Whole answer after</dt>
      <dd>{answer.tookMs === null ? "–" : duration(answer.tookMs)}</dd>
      <dt>Tokens</dt>
      <dd>{answer.usage ? `${count(answer.usage.inputTokens)} in, ${count(answer.usage.outputTokens)} out` : "–"}</dd>
      <dt>Vendor cost</dt>
      <dd>{answer.usage ? exactMoney(answer.usage.cost) : "–"}</dd>
      <dt>Billed</dt>
      <dd>{answer.usage ? exactMoney(answer.usage.billed) : "–"}</dd>
    </dl>
  </Card>
);

/** Ask one model, and tell what comes as it comes. */
async function stream(request: object, change: (fields: Partial<Answer>) => void, soFar: () => string, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const since = (): number => performance.now() - began;
  let first: number | null = null;
  try {
    const response = await respond("POST", "/v1/stream", request, signal);
    for await (const data of events(response)) {
      const event = JSON.parse(data) as StreamEvent;
      if (event.type === "delta") {
        first ??= since();
        change({ text: soFar() + event.content, firstMs: first });
      } else if (event.type === "done") {
        change({ isDone: true, usage: event.usage, by: `Answered by ${event.provider} / ${event.model}`, tookMs: since() });
      } else {
        throw new ApiError(event.error.message, response.status, event.error.code, response.headers.get("x-request-id"));
      }
    }
    change({ isDone: true });
  } catch (error) {
    if (signal.aborted) change({ isDone: true, by: "Stopped; what was produced is billed" });
    else if (error instanceof ApiError) change({ isDone: true, error });
    else change({ isDone: true, error: new ApiError("the connection broke", 0, "unreachable", null) });
  }
}

function body(model: string, prompt: string, system: string): object {
  return { model, messages: [{ role: "user", content: prompt }], ...(system.trim() && { systemPrompt: system }), useCase: "playground" };
}

function fastest(answers: Answer[], name: "firstMs" | "tookMs"): string | undefined {
  const times = answers.map((answer) => answer[name]).filter((time) => time !== null);
  return times.length ? duration(Math.min(...times)) : undefined;
}

export function messages(prompt: string, system: string): object[] {
  return [...(system.trim() ? [{ role: "system", content: system }] : []), { role: "user", content: prompt }];
}

export function python(model: string, prompt: string, system: string): string {
  return `import os
from openai import OpenAI

client = OpenAI(base_url="${address()}/v1", api_key=os.environ["HEADGATE_API_KEY"])
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=${JSON.stringify(messages(prompt, system))},
)
print(answer.choices[0].message.content)
`;
}

export function typescript(model: string, prompt: string, system: string): string {
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${address()}/v1", apiKey: process.env.HEADGATE_API_KEY });
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: ${JSON.stringify(messages(prompt, system))},
});
console.log(answer.choices[0].message.content);
`;
}

export function curl(model: string, prompt: string, system: string): string {
  const data = JSON.stringify({ model, messages: messages(prompt, system) }).replaceAll("'", "'\\''");
  return `curl ${address()}/v1/chat/completions \\
  -H "Authorization: Bearer $HEADGATE_API_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${data}'
`;
}
