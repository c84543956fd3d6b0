import { describe, expect, test } from "vitest";

import { axisMoney, bytes, change, compact, duration, exactMoney, money, percent, share, time } from "./format";

describe("money", () => {
  test.each([
    [0, "$0.00"],
    [1234.5, "$1,234.50"],
    [0.996, "$1.00"],
    [0.12, "$0.12"],
    [0.0204, "$0.020"],
    [0.00019, "$0.0002"],
    [0.00001234, "<$0.0001"],
    [-3.2, "−$3.20"],
    [12_300_000, "$12.3M"],
  ])("of %d reads %s", (value, text) => {
    expect(money(value)).toBe(text);
  });

  test("in full has each of its nine decimals", () => {
    expect(exactMoney(1.234567891)).toBe("$1.234567891");
    expect(exactMoney(2)).toBe("$2.00");
  });

  test("on an axis has no decimals that say nothing", () => {
    expect([0, 0.5, 2, 12_000].map(axisMoney)).toEqual(["$0", "$0.5", "$2", "$12K"]);
  });
});

test("a share is never shown as all or nothing where it is not", () => {
  expect(percent(0.99999)).toBe("99.9 %");
  expect(percent(0.00001)).toBe("0.1 %");
  expect(percent(1)).toBe("100.0 %");
  expect(percent(0)).toBe("0.0 %");
  expect(percent(0.95151, 2)).toBe("95.15 %");
});

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [1234, "1.23 s"],
  [59_950, "60.0 s"],
  [61_000, "1 min 1 s"],
  [3_660_000, "1 h 1 min"],
  [90_000_000, "1 d 1 h"],
])("%d ms reads %s", (value, text) => {
  expect(duration(value)).toBe(text);
});

test("counts are whole until they are long", () => {
  expect([0, 9999, 12_345].map(compact)).toEqual(["0", "9,999", "12.3K"]);
});

test("sizes are in powers of 1024", () => {
  expect([512, 1536, 20_971_520].map(bytes)).toEqual(["512 B", "1.5 KiB", "20 MiB"]);
});

test("times are UTC", () => {
  expect(time("2026-11-23T07:14:31.000Z")).toBe("23 Nov 07:14:31");
});

test("a change needs something to compare with", () => {
  expect(change(110, 100)).toBe("+10.0 %");
  expect(change(90, 100)).toBe("−10.0 %");
  expect(change(5000, 100)).toBe("×50");
  expect(change(5, 0)).toBeNull();
});

test("what is typed as percent is sent as it was meant", () => {
  expect(share("2.9")).toBe(0.029);
  expect(share("0.0001")).toBe(0.000001);
  expect(share("7")).toBe(0.07);
});
