import { expect, test } from "vitest";

import { draftOf } from "./draft";

const template = ["---", "name: greet", "---", "## role", "Be kind.", "## task", "Be kind.", "Greet {{ name }}.", ""].join("\n");
const blocks = [
  { name: "role", message: "system" as const, text: "Be kind.", line: 5 },
  { name: "task", message: "system" as const, text: "Be kind.\nGreet {{ name }}.", line: 7 },
];

test("a draft changes the block that was edited, also where another reads the same", () => {
  const draft = draftOf({ template, blocks }, ["Be kind.", "Say hello\nto {{ name }}."]);
  expect(draft).toBe(template.replace("Be kind.\nGreet {{ name }}.", "Say hello\nto {{ name }}."));
});

test("several blocks are edited at once, whatever their length", () => {
  const draft = draftOf({ template, blocks }, ["One.\nTwo.\nThree.", "Four."]);
  expect(draft.split("\n").slice(3)).toEqual(["## role", "One.", "Two.", "Three.", "## task", "Four.", ""]);
});

test("without an edit the file stays as it is", () => {
  expect(draftOf({ template, blocks }, blocks.map((block) => block.text))).toBe(template);
});
