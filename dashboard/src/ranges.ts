/** Ranges of time that pages show, in UTC, and the buckets that charts divide them into. */

import { clock, date, day } from "./format";

export const RANGES = { "24h": "24 hours", "7d": "7 days", "30d": "30 days", month: "This month" } as const;
export type RangeName = keyof typeof RANGES;
export const DEFAULT_RANGE: RangeName = "7d";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** `from` inclusive, `to` exclusive; `earlier` is the same length just before, for comparison. */
export interface Range {
  /** Null where somebody chose the days. */
  name: RangeName | null;
  from: Date;
  to: Date;
  bucket: "hour" | "day";
  earlier: { from: Date; to: Date };
}

/** The range of a name, as seen at a moment: whole hours or days, the one under way included. */
export function rangeOf(name: string | null, now: Date): Range {
  const known = (name && name in RANGES ? name : DEFAULT_RANGE) as RangeName;
  const bucket = known === "24h" ? "hour" : "day";
  const size = bucket === "hour" ? HOUR : DAY;
  const to = new Date((Math.floor(now.getTime() / size) + 1) * size);
  let from: Date;
  if (known === "month") from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  else from = new Date(to.getTime() - { "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY }[known]);
  // As much of the time before as has passed of this one, to the hour: sums of whole hours are cheap.
  const passed = Math.ceil(now.getTime() / HOUR) * HOUR - from.getTime();
  const length = known === "month" ? from.getTime() - previousMonth(from) : to.getTime() - from.getTime();
  const start = from.getTime() - length;
  return { name: known, from, to, bucket, earlier: { from: new Date(start), to: new Date(start + Math.min(passed, length)) } };
}

/** From one day to another, both included, as `2026-11-23`; null and what is no day leave a range as it is. */
export function between(first: string | null, last: string | null, range: Range): Range {
  const [from, end] = [Date.parse(first ?? ""), Date.parse(last ?? "")];
  if (Number.isNaN(from) && Number.isNaN(end)) return range;
  const chosen = { from: Number.isNaN(from) ? range.from : new Date(from), to: Number.isNaN(end) ? range.to : new Date(end + DAY) };
  return chosen.from < chosen.to ? { ...range, ...chosen, name: null, bucket: "day" } : range;
}

/** The beginnings of a range's buckets. */
export function buckets(range: Range): Date[] {
  const size = range.bucket === "hour" ? HOUR : DAY;
  const found: Date[] = [];
  for (let at = range.from.getTime(); at < range.to.getTime(); at += size) found.push(new Date(at));
  return found;
}

/** The name under which usage by hour or day has a bucket. */
export function bucketKey(start: Date, bucket: "hour" | "day"): string {
  return bucket === "day" ? start.toISOString().slice(0, 10) : start.toISOString();
}

/** A bucket's label on an axis. */
export function bucketLabel(start: Date, bucket: "hour" | "day"): string {
  return bucket === "day" ? day(start) : clock(start);
}

/** The range in words, with its zone. */
export function rangeText(range: Range): string {
  const last = new Date(range.to.getTime() - 1);
  if (range.bucket === "hour") {
    return `${day(range.from)} ${clock(range.from)} – ${day(range.to)} ${clock(range.to)} UTC`;
  }
  const sameYear = range.from.getUTCFullYear() === last.getUTCFullYear();
  return `${sameYear ? day(range.from) : date(range.from)} – ${date(last)}, UTC`;
}

function previousMonth(first: Date): number {
  return Date.UTC(first.getUTCFullYear(), first.getUTCMonth() - 1, 1);
}
