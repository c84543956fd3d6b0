import { expect, test } from "vitest";

import { dataOf, events } from "./sse";

function streamed(...pieces: string[]): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(encoder.encode(piece));
        controller.close();
      },
    }),
  );
}

test("events are whole however the bytes are cut", async () => {
  const found: string[] = [];
  for await (const data of events(streamed("id: 1\nda", 'ta: {"a":', "1}\n", "\n: ping\n\ndata: two\n\ndata: cut"))) found.push(data);
  expect(found).toEqual(['{"a":1}', "two"]);
});

test("a comment is no event, and lines of one event belong together", () => {
  expect(dataOf(": ping")).toEqual([]);
  expect(dataOf("data: one\ndata: two")).toEqual(["one\ntwo"]);
});
