import { expect, test } from "vitest";

import { diffLines } from "./diff";

test("what is the same stands on both sides", () => {
  expect(diffLines("a\nb", "a\nb").every((row) => row.isSame)).toBe(true);
});

test("a changed line stands beside what it became", () => {
  expect(diffLines("a\nb\nc", "a\nB\nc")).toEqual([
    { before: "a", after: "a", isSame: true },
    { before: "b", after: "B", isSame: false },
    { before: "c", after: "c", isSame: true },
  ]);
});

test("what came or went has nothing beside it", () => {
  expect(diffLines("a\nc", "a\nb\nc")[1]).toEqual({ before: null, after: "b", isSame: false });
  expect(diffLines("a\nb\nc", "a\nc")[1]).toEqual({ before: "b", after: null, isSame: false });
});

test("both texts can be read again from the rows", () => {
  const before = "one\ntwo\nthree\nfour";
  const after = "zero\ntwo\n3\n\nfour\nfive";
  const rows = diffLines(before, after);
  expect(rows.map((row) => row.before).filter((line) => line !== null).join("\n")).toBe(before);
  expect(rows.map((row) => row.after).filter((line) => line !== null).join("\n")).toBe(after);
});
