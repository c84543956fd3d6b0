import { expect, test, vi } from "vitest";

vi.stubGlobal("location", new URL("http://127.0.0.1:3000/dashboard"));
const { placeOf } = await import("./router");

test.each([
  ["/dashboard", ""],
  ["/dashboard/", ""],
  ["/dashboard/keys", "keys"],
  ["/dashboard/runs/r-1/", "runs/r-1"],
])("%s is the page %s", (path, page) => {
  expect(placeOf(new URL(path, "http://127.0.0.1:3000")).path).toBe(page);
});
