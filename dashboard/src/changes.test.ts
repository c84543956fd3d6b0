import { expect, test } from "vitest";

import { changesOf } from "./changes";

test("each field is shown as it was and as it is", () => {
  expect(changesOf({ name: "old", hard: true }, { name: "new", hard: true })).toEqual([
    { field: "name", before: "old", after: "new" },
    { field: "hard", before: "true", after: "true" },
  ]);
});

test("fields of things inside are named by their path", () => {
  expect(changesOf({ rateLimit: { concurrency: 2 } }, { rateLimit: { concurrency: 5 } })).toEqual([{ field: "rateLimit.concurrency", before: "2", after: "5" }]);
});

test("what was not there before, or is no more, is nothing; what is nothing both times is left out", () => {
  expect(changesOf(null, { budget: 5, models: null })).toEqual([{ field: "budget", before: null, after: "5" }]);
  expect(changesOf({ budget: 5 }, { budget: null })).toEqual([{ field: "budget", before: "5", after: null }]);
  expect(changesOf(null, null)).toEqual([]);
});

test("lists are shown as people write them, an empty one and an empty text so that they are seen", () => {
  const [scopes, none, text, steps] = changesOf(null, { scopes: ["admin", "ai:embed"], hosts: [], note: "", steps: [{ at: 1 }] });
  expect([scopes!.after, none!.after, text!.after, steps!.after]).toEqual(["admin, ai:embed", "[]", '""', '[{"at":1}]']);
});
