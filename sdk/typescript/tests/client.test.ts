// The client against the real platform and simulated vendors, which the one who starts this names:
// HEADGATE_URL, HEADGATE_API_KEY, SIMULATOR_URL, and CUTTING_URL_…, relays that break connections.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  APIConnectionError,
  APITimeoutError,
  AuthenticationError,
  BudgetExceededError,
  ConflictError,
  Headgate,
  HeadgateError,
  InvalidRequestError,
  ModelNotFoundError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  type RunEvent,
  UpstreamError,
} from "../src/index.ts";

const SUM = '[[call calculator {"expression":"6*7"}]]';
// A timer that a call leaves behind would keep this process alive for longer than it may live.
const client = new Headgate({ timeoutSeconds: 3600 });

function named(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

interface VendorCall {
  finished: boolean;
  cancelled: boolean;
}

async function vendorCalls(): Promise<VendorCall[]> {
  return (await fetch(`${named("SIMULATOR_URL")}/_simulate/calls`)).json() as Promise<VendorCall[]>;
}

async function forget(): Promise<void> {
  await fetch(`${named("SIMULATOR_URL")}/_simulate/calls`, { method: "DELETE" });
}

async function newcomer(limits: { monthlyBudget?: number; requestsPerMinute?: number }): Promise<Headgate> {
  const { monthlyBudget = null, requestsPerMinute = null } = limits;
  const rateLimit = requestsPerMinute === null ? null : { requestsPerMinute };
  const key = await client.keys.create({ name: "newcomer", scopes: ["ai:complete"], monthlyBudget, rateLimit });
  return new Headgate({ apiKey: key.apiKey ?? "", maxRetries: 0 });
}

test("a completion has its text, its usage and its place in the ledger", async () => {
  const answer = await client.complete({ messages: "Hello there", model: "sandbox", tags: ["greeting"] });
  assert.equal(answer.content, "You said: Hello there");
  assert.deepEqual([answer.usage.inputTokens, answer.usage.outputTokens], [2, 4]);
  const events = (await client.usage.events({ limit: 5 })).data;
  const event = events.find(({ requestId }) => requestId === answer.requestId);
  assert.deepEqual(event?.tags, ["greeting"]);
  assert.equal(event?.billed, answer.usage.billed);
});

test("a stream tells its pieces and then what it was", async () => {
  const stream = client.stream({ messages: "one two three", model: "sandbox" });
  let text = "";
  for await (const event of stream) if (event.type === "delta") text += event.content;
  const answer = await stream.final();
  assert.equal(text, "You said: one two three");
  assert.equal(answer.content, text);
  assert.equal(answer.requestId, stream.requestId);
  assert.equal(answer.finishReason, "stop");
});

test("leaving a stream stops the vendor's call", async () => {
  await forget();
  for await (const event of client.stream({ messages: "[[rate 5]] [[tokens 500]]", model: "gpt-4o" })) {
    if (event.type === "delta") break;
  }
  let calls = await vendorCalls();
  while (!calls[0]?.cancelled) calls = await vendorCalls();
  assert.equal(calls.length, 1);
});

test("a caller who aborts gets the own reason, and no second try", async () => {
  await forget();
  const leaving = new AbortController();
  const waiting = client.complete({ messages: "[[delay 60000]]", model: "gpt-4o" }, { signal: leaving.signal });
  while ((await vendorCalls()).length === 0);
  leaving.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  assert.equal((await vendorCalls()).length, 1);
});

test("a stream that breaks off is an error and not a short answer", async () => {
  const stream = client.stream({ messages: "[[cut 2]] [[tokens 9]]", model: "gpt-4o" });
  await assert.rejects(stream.final(), UpstreamError);
});

test("labels are chosen and texts embedded", async () => {
  const labels = ["billing", "weather"];
  const chosen = await client.classify({ input: "The invoice is overdue", labels, model: "local" });
  assert.ok(labels.includes(chosen.label));
  const vectors = await client.embed({ input: ["a", "b"], model: "sandbox" });
  assert.equal(vectors.embeddings.length, 2);
});

test("failures have their errors", async () => {
  const stranger = new Headgate({ apiKey: "sk-proj-nobody-nothing" });
  await assert.rejects(stranger.complete({ messages: "Hello" }), (error) => {
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.code, "invalid_api_key");
    assert.match(error.hint, /HEADGATE_API_KEY/);
    assert.ok(error.requestId);
    return true;
  });
  await assert.rejects(client.complete({ messages: "Hello", model: "no-such-model" }), ModelNotFoundError);
  await assert.rejects(client.complete({ messages: "Hello", model: "sandbox", temperature: 9 }), (error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.equal(error.param, "temperature");
    return true;
  });
  await assert.rejects((await newcomer({})).tools.list(), PermissionDeniedError);
  await assert.rejects(client.agents.get("run-none"), NotFoundError);
});

test("an exhausted budget says what was spent and when it ends", async () => {
  const poor = await newcomer({ monthlyBudget: 0.000_000_1 });
  const own = await poor.usage.budget();
  await assert.rejects(poor.complete({ messages: "one two", model: "sandbox" }), (error) => {
    assert.ok(error instanceof BudgetExceededError);
    assert.deepEqual([error.scope, error.limit, error.spent], ["key", 1e-7, 0]);
    assert.equal(error.resetsAt, own.resetsAt);
    return true;
  });
});

test("a rate limit says how long to wait", async () => {
  const hasty = await newcomer({ requestsPerMinute: 1 });
  await hasty.complete({ messages: "Hello", model: "sandbox" });
  await assert.rejects(hasty.complete({ messages: "Hello", model: "sandbox" }), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.ok((error.retryAfter ?? 0) > 0);
    return true;
  });
});

test("a failure that may pass is tried twice more, and another one is not", async () => {
  await forget();
  await assert.rejects(client.complete({ messages: "[[fail 500]]", model: "gpt-4o" }), UpstreamError);
  assert.equal((await vendorCalls()).length, 3);
  await forget();
  await assert.rejects(client.complete({ messages: "[[fail 400]]", model: "gpt-4o" }), InvalidRequestError);
  assert.equal((await vendorCalls()).length, 1);
});

test("a lost answer is asked for again under the same idempotency key", async () => {
  await forget();
  const unlucky = new Headgate({ baseURL: named("CUTTING_URL_LOST") });
  const answer = await unlucky.complete({ messages: "Hello", model: "gpt-4o" });
  assert.equal(answer.content, "You said: Hello");
  assert.equal((await vendorCalls()).length, 1);
});

test("what could be done twice is not asked for again", async () => {
  const unlucky = new Headgate({ baseURL: named("CUTTING_URL_KEYS") });
  await assert.rejects(unlucky.keys.create({ name: "lost-once", scopes: ["ai:embed"] }), APIConnectionError);
  let lost = 0;
  for await (const key of await client.keys.list()) if (key.name === "lost-once") lost += 1;
  assert.equal(lost, 1);
});

test("a call under an own idempotency key is made once", async () => {
  const options = { idempotencyKey: "typescript-once" };
  const first = await client.complete({ messages: "Hello", model: "gpt-4o" }, options);
  const again = await client.complete({ messages: "Hello", model: "gpt-4o" }, options);
  assert.equal(again.id, first.id);
  await assert.rejects(client.complete({ messages: "Bye", model: "gpt-4o" }, options), ConflictError);
});

test("where nobody answers, or not in time, the error says so", async () => {
  const lost = new Headgate({ baseURL: "http://127.0.0.1:9", maxRetries: 0 });
  await assert.rejects(lost.health(), (error) => error instanceof APIConnectionError && /doctor/.test(error.hint));
  const spelledAnew = new Headgate({ baseUrl: "http://127.0.0.1:9", maxRetries: 0 });
  await assert.rejects(spelledAnew.health(), APIConnectionError);
  const hurried = new Headgate({ timeoutSeconds: 0.2, maxRetries: 0 });
  await assert.rejects(hurried.complete({ messages: "[[delay 5000]]", model: "sandbox" }), APITimeoutError);
});

test("without a key there is no client", () => {
  const key = process.env["HEADGATE_API_KEY"];
  delete process.env["HEADGATE_API_KEY"];
  try {
    assert.throws(() => new Headgate(), HeadgateError);
  } finally {
    process.env["HEADGATE_API_KEY"] = key;
  }
});

test("keys are made, changed, rotated and revoked, and a list goes on over its pages", async () => {
  const made = [];
  for (const n of [1, 2, 3]) made.push(await client.keys.create({ name: `page ${n}`, scopes: ["ai:embed"] }));
  const [first] = made;
  assert.ok(first);
  const computed = await client.keys.update(first.keyId, { monthlyBudget: 3 * 0.1 });
  assert.equal(computed.monthlyBudget, 0.3);
  const changed = await client.keys.update(first.keyId, { name: "changed", monthlyBudget: 3 });
  assert.deepEqual([changed.name, changed.monthlyBudget], ["changed", 3]);
  assert.equal((await client.keys.update(first.keyId, { monthlyBudget: null })).monthlyBudget, null);
  assert.notEqual((await client.keys.rotate(first.keyId)).apiKey, first.apiKey);
  assert.ok((await client.keys.revoke(first.keyId)).revokedAt);
  assert.equal((await client.keys.get(first.keyId)).apiKey, undefined);
  const page = await client.keys.list({ limit: 2 });
  const everyone: string[] = [];
  for await (const key of page) everyone.push(key.keyId);
  assert.deepEqual(everyone.slice(0, 3), made.map((key) => key.keyId).reverse());
  assert.equal((await page.nextPage())?.data[0]?.keyId, first.keyId);
});

test("usage is summed and budgets are set", async () => {
  const usage = await client.usage.get({ groupBy: "model", from: new Date(Date.now() - 3600e3) });
  assert.ok(usage.rows.some((row) => row.model === "sandbox" && row.billed > 0));
  const computed = { scope: "user", id: "exact", monthlyBudget: 10 * 0.0003 } as const;
  assert.equal((await client.usage.setBudget(computed)).monthlyBudget, 0.003);
  assert.throws(() => client.usage.setBudget({ ...computed, monthlyBudget: Number.NaN }), RangeError);
  const budget = await client.usage.setBudget({ scope: "user", id: "ada", monthlyBudget: 12.5, hard: false });
  assert.equal(budget.remaining, 12.5);
  assert.equal((await client.usage.budget({ scope: "user", id: "ada" })).hard, false);
  assert.ok((await client.usage.budgets()).data.length > 0);
  assert.ok((await client.usage.projection()).billed > 0);
  assert.ok((await client.usage.latency({ bucketSeconds: 3600 })).calls >= 0);
  assert.deepEqual((await client.usage.unconfirmed()).data, []);
  await assert.rejects(client.usage.releaseUnconfirmed("lease-none"), NotFoundError);
});

test("tools, models and prompts are listed and used", async () => {
  assert.ok((await client.tools.list()).some(({ name }) => name === "calculator"));
  const answer = await client.tools.run("calculator", { expression: "6 * 7" }, { tags: ["sum"] });
  assert.equal(answer.result, 42);
  assert.ok((await client.models.list()).some(({ id }) => id === "sandbox"));
  assert.equal((await client.models.get("openai/gpt-4o")).owned_by, "openai");
  const [prompt] = await client.prompts.list();
  assert.ok(prompt);
  const { example, version } = await client.prompts.get(prompt.name);
  assert.ok((await client.prompts.render(prompt.name, { inputs: example })).messages.length);
  assert.deepEqual((await client.prompts.diff(prompt.name, { from: version, to: version })).changes, []);
});

test("documents are added, found, asked and deleted", async () => {
  const mill = await client.documents.add({ name: "mill.txt", content: "The tide mill grinds wheat." });
  const bytes = new TextEncoder().encode("A lock lifts boats between two levels.");
  const [lock] = await client.documents.addFiles([{ name: "lock.txt", content: bytes }]);
  assert.ok(lock);
  const found = await client.search({ query: "what lifts boats", filter: { documentIds: [lock.id] } });
  assert.match(found.results[0]?.text ?? "", /lifts boats/);
  assert.equal((await client.documents.get(mill.id, { start: 4, length: 9 })).text, "tide mill");
  assert.equal((await client.documents.list()).data.length, 2);
  assert.ok((await client.documents.ask({ question: "What does the mill grind?", model: "local" })).requestId);
  await client.documents.delete(mill.id);
  await assert.rejects(client.documents.delete(mill.id), NotFoundError);
});

test("a user's own vendor key is set, shown and deleted", async () => {
  await client.providers.setKey("openai", { apiKey: "sk-own-secret-1234", userId: "grace" });
  assert.equal((await client.providers.getKey("openai", { userId: "grace" })).lastFour, "1234");
  const openai = (await client.providers.list({ userId: "grace" })).find(({ provider }) => provider === "openai");
  assert.equal(openai?.ownKey?.lastFour, "1234");
  await client.providers.deleteKey("openai", { userId: "grace" });
  await assert.rejects(client.providers.getKey("openai", { userId: "grace" }), NotFoundError);
});

test("a run that is waited for gives its output, and its events can be read again", async () => {
  const asked = { type: "react", input: SUM, model: "sandbox", tools: ["calculator"], waitSeconds: 60 };
  const run = await client.agents.run(asked);
  assert.deepEqual([run.status, run.output], ["succeeded", { text: "Results: 42" }]);
  const every: RunEvent[] = [];
  for await (const event of client.agents.events(run.runId)) every.push(event);
  assert.deepEqual(every.map(({ seq }) => seq), every.map((_, index) => index + 1));
  const rest: RunEvent[] = [];
  for await (const event of client.agents.events(run.runId, { after: 3 })) rest.push(event);
  assert.deepEqual(rest, every.slice(3));
  assert.deepEqual(await client.agents.events(run.runId, { after: every.length }).final(), run);
  assert.ok((await client.agents.list({ status: "succeeded" })).data.some(({ runId }) => runId === run.runId));
});

test("what agents know is added, corrected, found and forgotten", async () => {
  const fact = await client.memory.add({ text: "Ada likes tide mills" });
  await client.memory.update(fact.id, { text: "Ada likes wind mills" });
  assert.deepEqual((await client.memory.list({ query: "mills" })).map(({ text }) => text), ["Ada likes wind mills"]);
  await client.memory.delete(fact.id);
  assert.deepEqual(await client.memory.list(), []);
  assert.deepEqual(await client.memory.conversation("none"), []);
});

test("a resumable answer goes on over broken connections", async () => {
  const words = Array.from({ length: 40 }, (_, number) => `word${number}`).join(" ");
  const unlucky = new Headgate({ baseURL: named("CUTTING_URL_ANSWER") });
  const asked = { messages: `[[rate 200]] [[say ${words}]]`, model: "gpt-4o", resumable: true };
  const stream = unlucky.stream(asked);
  const told: string[] = [];
  for await (const event of stream) if (event.type === "delta") told.push(event.content);
  assert.equal(told.join(""), words);
  const later = client.resume(stream.requestId, 2);
  assert.equal((await later.final()).content, told.slice(2).join(""));
  assert.equal(later.seen, stream.seen);
});

test("a broken connection leaves no gap and no repeat in a run", async () => {
  const unlucky = new Headgate({ baseURL: named("CUTTING_URL_RUN") });
  const stream = unlucky.agents.stream({ type: "react", input: SUM, model: "sandbox", tools: ["calculator"] });
  const numbers: number[] = [];
  for await (const { seq } of stream) numbers.push(seq);
  assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
  assert.equal((await stream.final()).status, "succeeded");
});

test("a run waits for a yes, is paused, resumed and cancelled", async () => {
  const asked = { type: "react", input: SUM, model: "sandbox", tools: ["calculator"], approvals: ["calculator"] };
  const stream = client.agents.stream(asked);
  for await (const event of stream) {
    if (event.type !== "approval.requested") continue;
    await client.agents.approve(event.runId, event.stepId ?? "", { comment: "a sum may be made" });
    await assert.rejects(client.agents.approve(event.runId, event.stepId ?? ""), ConflictError);
  }
  assert.equal((await stream.final()).status, "succeeded");
  const slow = await client.agents.run({ type: "react", input: "[[delay 60000]]", model: "sandbox", tools: [] });
  for await (const event of client.agents.events(slow.runId)) if (event.type === "step.started") break;
  await client.agents.pause(slow.runId);
  await client.agents.resume(slow.runId);
  await client.agents.cancel(slow.runId);
  assert.equal((await client.agents.events(slow.runId).final()).status, "cancelled");
});
