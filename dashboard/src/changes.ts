/** What became of something, field by field. */

/** A field as it was and as it is; null where there was, or is, nothing. */
export interface Change {
  field: string;
  before: string | null;
  after: string | null;
}

/** The fields of two states of one thing, those of things inside it by their path; empty ones are left out. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const was = fieldsOf(before);
  const is = fieldsOf(after);
  return [...new Set([...was.keys(), ...is.keys()])].map((field) => ({ field, before: was.get(field) ?? null, after: is.get(field) ?? null }));
}

function fieldsOf(value: unknown, path = ""): Map<string, string> {
  if (value === null || value === undefined) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) return new Map([[path || "value", textOf(value)]]);
  return new Map(Object.entries(value).flatMap(([name, each]) => [...fieldsOf(each, path ? `${path}.${name}` : name)]));
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value || '""';
  const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each !== "object");
  return isList ? value.join(", ") : JSON.stringify(value);
}
