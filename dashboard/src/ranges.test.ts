import { expect, test } from "vitest";

import { between, bucketKey, buckets, rangeOf, rangeText } from "./ranges";

const NOW = new Date("2026-11-23T14:30:00Z");

test("the last seven days are the default, and end with today", () => {
  for (const name of [null, "7d", "nonsense"]) {
    const range = rangeOf(name, NOW);
    expect(range.from.toISOString()).toBe("2026-11-17T00:00:00.000Z");
    expect(range.to.toISOString()).toBe("2026-11-24T00:00:00.000Z");
  }
});

test("24 hours are whole hours, the one under way included", () => {
  const range = rangeOf("24h", NOW);
  expect(range.from.toISOString()).toBe("2026-11-22T15:00:00.000Z");
  expect(range.to.toISOString()).toBe("2026-11-23T15:00:00.000Z");
  expect(buckets(range)).toHaveLength(24);
});

test("what came before is compared over as much time as has passed", () => {
  const { earlier } = rangeOf("7d", NOW);
  expect(earlier.from.toISOString()).toBe("2026-11-10T00:00:00.000Z");
  expect(earlier.to.toISOString()).toBe("2026-11-16T15:00:00.000Z");
});

test("a month is compared with the month before, and never with itself", () => {
  const { from, earlier } = rangeOf("month", new Date("2026-03-31T23:30:00Z"));
  expect(from.toISOString()).toBe("2026-03-01T00:00:00.000Z");
  expect(earlier.from.toISOString()).toBe("2026-02-01T00:00:00.000Z");
  expect(earlier.to.toISOString()).toBe("2026-03-01T00:00:00.000Z");
});

test("buckets have the names that the ledger gives them", () => {
  const [first] = buckets(rangeOf("7d", NOW));
  expect(bucketKey(first!, "day")).toBe("2026-11-17");
  expect(bucketKey(first!, "hour")).toBe("2026-11-17T00:00:00.000Z");
});

test("a range says its zone", () => {
  expect(rangeText(rangeOf("7d", NOW))).toBe("17 Nov – 23 Nov 2026, UTC");
  expect(rangeText(rangeOf("24h", NOW))).toBe("22 Nov 15:00 – 23 Nov 15:00 UTC");
});

test("somebody may choose the days, both included", () => {
  const usual = rangeOf(null, NOW);
  const chosen = between("2026-10-01", "2026-10-31", usual);
  expect(chosen.name).toBeNull();
  expect(rangeText(chosen)).toBe("1 Oct – 31 Oct 2026, UTC");
  expect(between(null, "2026-11-20", usual).to.toISOString()).toBe("2026-11-21T00:00:00.000Z");
  expect(between("2026-10-01", null, usual).to).toEqual(usual.to);
});

test("days that are none, or in the wrong order, leave the range as it is", () => {
  const usual = rangeOf(null, NOW);
  for (const [first, last] of [[null, null], ["nonsense", ""], ["2026-11-20", "2026-11-01"]]) expect(between(first ?? null, last ?? null, usual)).toBe(usual);
});
