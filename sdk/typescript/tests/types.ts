// What a type-checker must accept, and what it must refuse: it is checked, and never run.

import { BudgetExceededError, type Completion, Headgate, type Message, type UsageRow } from "../src/index.ts";

export async function accepted(client: Headgate): Promise<number> {
  const messages: Message[] = [{ role: "user", content: "Hello" }];
  const answer: Completion = await client.complete({ messages, model: "sandbox", temperature: null });
  const call = answer.toolCalls?.[0]?.arguments.length ?? 0;
  for await (const event of client.stream({ messages: "Hello" })) {
    if (event.type === "delta") event.content.trim();
    else event.usage.billed.toFixed(2);
  }
  for await (const key of await client.keys.list({ limit: 2 })) key.rateLimit.concurrency?.toFixed();
  for await (const event of client.agents.events("run", { after: 3 })) event.seq.toFixed();
  const rows: UsageRow[] = (await client.usage.get({ groupBy: "model", from: new Date() })).rows;
  const own = (await client.usage.budget()).budgets.length;
  const one = (await client.usage.budget({ scope: "user", id: "ada" })).remaining ?? 0;
  return call + rows.length + own + one + (await client.health()).version.length + answer.requestId.length;
}

export async function refused(client: Headgate, error: unknown): Promise<void> {
  // @ts-expect-error - there is no such field
  (await client.complete({ messages: "Hello" })).contents;
  // @ts-expect-error - there is no such option
  await client.complete({ messages: "Hello", temperatur: 1 });
  // @ts-expect-error - nobody has this role
  await client.complete({ messages: [{ role: "nobody" }] });
  // @ts-expect-error - usage has no colours
  await client.usage.get({ groupBy: "colour" });
  // @ts-expect-error - whose?
  await client.usage.budget({ scope: "user" });
  // @ts-expect-error - a key has scopes
  await client.keys.create({ name: "a" });
  // @ts-expect-error - only a budget's error has it
  if (error instanceof Error && !(error instanceof BudgetExceededError)) error.resetsAt;
}
