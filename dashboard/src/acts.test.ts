import { expect, test } from "vitest";

import { actsByKind, actText } from "./acts";

test("acts are told in words, unknown ones by their name", () => {
  expect(actText("key.rotate")).toBe("Rotate key");
  expect(actText("planet.paint")).toBe("planet.paint");
});

test("acts stand together by what they are done to", () => {
  const kinds = actsByKind();
  expect(kinds.find((one) => one.kind === "workspace")).toEqual({ kind: "workspace", title: "Workspaces", actions: ["workspace.set", "workspace.reset"] });
  expect(kinds.every((one) => one.actions.length)).toBe(true);
});
