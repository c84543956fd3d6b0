import { expect, test } from "vitest";

import { type RunEvent, toldOf } from "./run-events";

function event(seq: number, type: string, stepId: string | null, attempt: number, fields: object = {}): RunEvent {
  return { seq, type, stepId, attempt, at: "2026-11-23T12:00:00.000Z", ...fields };
}

test("what a later attempt tells replaces what an earlier one told", () => {
  const events = [
    event(1, "step.started", "s1", 1),
    event(2, "step.delta", "s1", 1, { content: "half of a" }),
    event(3, "step.started", "s1", 2),
    event(4, "step.delta", "s1", 2, { content: "whole " }),
    event(5, "step.delta", "s1", 2, { content: "answer" }),
    event(6, "step.delta", "s2", 1, { content: "another" }),
  ];
  expect(toldOf(events, "s1")).toEqual({ text: "whole answer", rest: [events[2]] });
});

test("a step that has told nothing yet is empty", () => {
  expect(toldOf([], "s1")).toEqual({ text: "", rest: [] });
});
