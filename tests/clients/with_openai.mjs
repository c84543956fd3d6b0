// OpenAI's official client for Node: chat completions, responses, embeddings, models.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { KEY, MODELS, POOR_KEY, RELAY_URL, URL, attempts } from "./platform_here.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0 });
const Person = z.object({ name: z.string(), age: z.number().int() });
const parameters = {
  type: "object",
  properties: { q: { type: "string" } },
  required: ["q"],
  additionalProperties: false,
};
const SEARCH = { name: "search", description: "Looks things up.", parameters, strict: true };
const CALLS = '[[call search {"q": "one"}]] [[call search {"q": "two"}]]';
const says = (content) => [{ role: "user", content }];

for (const model of MODELS) {
  test(`a chat with ${model}`, async () => {
    const answer = await client.chat.completions.create({ model, messages: says("hello") });
    assert.equal(answer.choices[0].message.content, "You said: hello");
    assert.equal(answer.usage.completion_tokens, 3);
    assert.ok(answer._request_id);
  });

  test(`a streamed chat with ${model} tells its usage`, async () => {
    const stream = client.chat.completions.stream({
      model,
      messages: says("[[tokens 5]]"),
      stream_options: { include_usage: true },
    });
    let text = "";
    stream.on("content", (piece) => (text += piece));
    const final = await stream.finalChatCompletion();
    assert.equal(text, "word word word word word");
    assert.equal(final.choices[0].message.content, text);
    assert.equal((await stream.totalUsage()).completion_tokens, 5);
  });

  test(`tools of a chat with ${model}`, async () => {
    const tools = [{ type: "function", function: SEARCH }];
    const messages = says(CALLS);
    const { choices } = await client.chat.completions.create({ model, messages, tools });
    const calls = choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [
      { q: "one" },
      { q: "two" },
    ]);
    const results = calls.map(({ id }, index) => ({
      role: "tool",
      tool_call_id: id,
      content: `found ${index}`,
    }));
    const final = await client.chat.completions.create({
      model,
      messages: [...messages, choices[0].message, ...results],
      tools,
    });
    assert.equal(final.choices[0].message.content, "Results: found 0 found 1");
  });

  test(`structured output of ${model}`, async () => {
    const chat = await client.chat.completions.parse({
      model,
      messages: says("[[json]]"),
      response_format: zodResponseFormat(Person, "person"),
    });
    assert.deepEqual(chat.choices[0].message.parsed, { name: "", age: 0 });
    const response = await client.responses.parse({
      model,
      input: "[[json]]",
      text: { format: zodTextFormat(Person, "person") },
    });
    assert.deepEqual(response.output_parsed, { name: "", age: 0 });
  });

  test(`a response of ${model}`, async () => {
    const answer = await client.responses.create({ model, input: "hello" });
    assert.equal(answer.output_text, "You said: hello");
    assert.equal(answer.status, "completed");
    assert.equal(answer.usage.output_tokens, 3);
  });

  test(`a streamed response of ${model}`, async () => {
    const stream = client.responses.stream({ model, input: "[[tokens 5]]" });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const final = await stream.finalResponse();
    assert.equal(text, "word word word word word");
    assert.equal(final.output_text, text);
    assert.equal(final.usage.output_tokens, 5);
  });

  test(`tools of a response of ${model}`, async () => {
    const tools = [{ type: "function", ...SEARCH }];
    const input = says(CALLS);
    const { output } = await client.responses.create({ model, input, tools });
    const results = output.map(({ call_id }, index) => ({
      type: "function_call_output",
      call_id,
      output: `found ${index}`,
    }));
    const final = await client.responses.create({
      model,
      input: [...input, ...output, ...results],
      tools,
    });
    assert.equal(final.output_text, "Results: found 0 found 1");
  });

  test(`a stream of ${model} that breaks off is an error`, async () => {
    const input = "[[tokens 9]] [[cut 3]]";
    const broken = { code: "upstream_error" };
    await assert.rejects(async () => {
      const create = { model, messages: says(input), stream: true };
      for await (const _ of await client.chat.completions.create(create));
    }, broken);
    await assert.rejects(async () => {
      for await (const _ of await client.responses.create({ model, input, stream: true }));
    }, broken);
  });
}

test("embeddings are the same packed and as numbers", async () => {
  for (const model of ["sandbox", "text-embedding-3-small"]) {
    const input = ["the cat", "a dog"];
    const packed = await client.embeddings.create({ model, input });
    const plain = await client.embeddings.create({ model, input, encoding_format: "float" });
    const flat = ({ data }) => data.map(({ embedding }) => Array.from(embedding));
    assert.deepEqual(flat(packed), flat(plain));
  }
});

test("models are listed", async () => {
  const ids = [];
  for await (const { id } of client.models.list()) ids.push(id);
  for (const model of MODELS) assert.ok(ids.includes(model), model);
});

for (const [asked, apiKey, model, status, kind, tries] of [
  ["hello", POOR_KEY, "sandbox", 402, OpenAI.APIError, 1],
  ["hello", KEY, "no-such-model", 404, OpenAI.NotFoundError, 1],
  ["[[fail 429]]", KEY, "sandbox", 429, OpenAI.RateLimitError, 2],
]) {
  test(`${status} is a typed error`, async () => {
    const caller = new OpenAI({ baseURL: `${RELAY_URL}/v1`, apiKey, maxRetries: 1 });
    for (const ask of [
      () => caller.chat.completions.create({ model, messages: says(asked) }),
      () => caller.responses.create({ model, input: asked }),
    ]) {
      await attempts();
      await assert.rejects(ask, (error) => error instanceof kind && error.status === status);
      assert.equal(await attempts(), tries);
    }
  });
}
