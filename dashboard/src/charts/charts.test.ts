import { describe, expect, test } from "vitest";

import { moved } from "./cursor";
import { countLines, gridLines, MOST_LINES, shownLabels } from "./scale";
import { pathOf } from "./time-chart";

describe("an axis", () => {
  test.each([[0.0007], [1], [3.06], [254], [999], [1001], [123_456]])("up to %d has few round lines that reach it", (largest) => {
    const lines = gridLines(largest);
    expect(lines.length).toBeLessThanOrEqual(MOST_LINES);
    expect(lines.at(-1)).toBeGreaterThanOrEqual(largest * 0.999);
    expect(lines.at(-1)!).toBeLessThan(largest * 2.6);
  });

  test("without anything to show still stands", () => {
    expect(gridLines(0)).toEqual([1]);
    expect(countLines(0)).toEqual([1]);
  });

  test("of counts has whole numbers", () => {
    expect(countLines(3)).toEqual([1, 2, 3]);
  });
});

test("labels keep their distance, and the last moment has one", () => {
  expect(shownLabels(24, 8)).toEqual([2, 5, 8, 11, 14, 17, 20, 23]);
  expect(shownLabels(7, 20)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(shownLabels(0, 8)).toEqual([]);
});

test("a line is broken where there is no value", () => {
  const same = (value: number): number => value;
  expect(pathOf([1, 2, null, 3], same, same)).toBe("M0.0 1.0L1.0 2.0M3.0 3.0");
});

describe("the cursor", () => {
  test.each([
    ["ArrowRight", null, 0],
    ["ArrowLeft", null, 6],
    ["ArrowRight", 6, 6],
    ["ArrowLeft", 0, 0],
    ["Home", 3, 0],
    ["End", 3, 6],
    ["Escape", 3, null],
    ["a", 3, undefined],
  ])("goes by %s from %s to %s", (key, at, to) => {
    expect(moved(key, at, 7)).toBe(to);
  });
});
