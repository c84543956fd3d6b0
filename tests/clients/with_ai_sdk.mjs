// The Vercel AI SDK with its providers for OpenAI, in both of its protocols, and for Anthropic.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, Output, embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { KEY, MODELS, POOR_KEY, RELAY_URL, URL, attempts } from "./platform_here.mjs";

const Person = z.object({ name: z.string(), age: z.number().int() });
const CALLS = '[[call search {"q": "one"}]] [[call search {"q": "two"}]]';
const tools = {
  search: tool({
    description: "Looks things up.",
    inputSchema: z.object({ q: z.string() }),
    execute: async ({ q }) => `found ${q}`,
  }),
};
// The platform keeps no items that a later call could refer to.
const providerOptions = { openai: { store: false } };
const PROTOCOLS = {
  chat: (url, apiKey) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat,
  responses: (url, apiKey) => createOpenAI({ baseURL: `${url}/v1`, apiKey }).responses,
  messages: (url, apiKey) => createAnthropic({ baseURL: `${url}/v1`, apiKey }),
};

for (const [protocol, make] of Object.entries(PROTOCOLS)) {
  for (const name of MODELS) {
    const model = make(URL, KEY)(name);
    const title = `by ${protocol} with ${name}`;

    test(`a text ${title}`, async () => {
      const { text, usage } = await generateText({ model, system: "be brief", prompt: "hello" });
      assert.equal(text, "You said: hello");
      assert.equal(usage.inputTokens, 3);
      assert.equal(usage.outputTokens, 3);
    });

    test(`a stream ${title}`, async () => {
      const result = streamText({ model, prompt: "[[tokens 5]]" });
      let text = "";
      for await (const piece of result.textStream) text += piece;
      assert.equal(text, "word word word word word");
      assert.equal((await result.usage).outputTokens, 5);
      assert.equal(await result.finishReason, "stop");
    });

    test(`tools ${title}`, async () => {
      const stopWhen = stepCountIs(3);
      const whole = await generateText({ model, tools, stopWhen, prompt: CALLS });
      assert.equal(whole.text, "Results: found one found two");
      const streamed = streamText({ model, tools, stopWhen, prompt: CALLS });
      assert.equal(await streamed.text, "Results: found one found two");
      assert.equal((await streamed.steps).length, 2);
    });

    test(`a conversation ${title}`, async () => {
      const first = { role: "user", content: "hello" };
      const { response } = await generateText({ model, providerOptions, messages: [first] });
      const again = { role: "user", content: "again" };
      const messages = [first, ...response.messages, again];
      const { text } = await generateText({ model, providerOptions, messages });
      assert.equal(text, "You said: again");
    });

    test(`structured output ${title}`, async () => {
      const output = Output.object({ schema: Person });
      const answer = await generateText({ model, output, prompt: "[[json]]" });
      assert.deepEqual(answer.output, { name: "", age: 0 });
    });

    test(`a stream that breaks off ${title}`, async () => {
      const errors = [];
      const onError = ({ error }) => errors.push(error);
      const prompt = "[[tokens 9]] [[cut 3]]";
      const result = streamText({ model, prompt, maxRetries: 0, onError });
      await result.consumeStream({ onError: () => {} });
      assert.notEqual(errors.length, 0);
    });
  }

  for (const [asked, key, name, status, tries] of [
    ["hello", POOR_KEY, "sandbox", 402, 1],
    ["hello", KEY, "no-such-model", 404, 1],
    ["[[fail 429]]", KEY, "sandbox", 429, 2],
  ]) {
    test(`${status} by ${protocol} is a typed error`, async () => {
      await attempts();
      const ask = generateText({ model: make(RELAY_URL, key)(name), prompt: asked, maxRetries: 1 });
      await assert.rejects(ask, (error) => {
        const last = error.lastError ?? error;
        return APICallError.isInstance(last) && last.statusCode === status;
      });
      assert.equal(await attempts(), tries);
    });
  }
}

test("a reference to an item that was not kept says what to send", async () => {
  const model = PROTOCOLS.responses(URL, KEY)("sandbox");
  const first = { role: "user", content: "hello" };
  const { response } = await generateText({ model, messages: [first] });
  const messages = [first, ...response.messages, { role: "user", content: "again" }];
  await assert.rejects(generateText({ model, messages, maxRetries: 0 }), (error) => {
    return error.statusCode === 400 && /`store` false/.test(error.message);
  });
});

test("embeddings", async () => {
  const openai = createOpenAI({ baseURL: `${URL}/v1`, apiKey: KEY });
  for (const name of ["sandbox", "text-embedding-3-small"]) {
    const model = openai.embedding(name);
    const values = ["the cat", "the cat", "a dog"];
    const [one, same, other] = (await embedMany({ model, values })).embeddings;
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, other);
  }
});
