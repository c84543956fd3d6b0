/** Figures and times as people read them. Times are UTC, as the ledger's are. */

const WHOLE = new Intl.NumberFormat("en-US");
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number): string {
  return WHOLE.format(value);
}

/** 12,345 as `12.3K`, where room is short. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? WHOLE.format(Math.round(value)) : SHORT.format(value);
}

/** US dollars: cents, and up to four decimals where an amount is smaller than that. */
export function money(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size === 0) return "$0.00";
  if (size >= 1_000_000) return `${sign}$${SHORT.format(size)}`;
  if (size < 0.0001) return `${sign}<$0.0001`;
  const decimals = size >= 0.995 ? 2 : Math.min(4, Math.max(2, 1 - Math.floor(Math.log10(size))));
  const text = size.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${sign}$${text}`;
}

/** US dollars with every digit that the ledger has. */
export function exactMoney(value: number): string {
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 9 })}`;
}

/** Dollars on an axis: short, and without decimals that say nothing. */
export function axisMoney(value: number): string {
  if (value === 0) return "$0";
  if (value >= 10_000) return `$${SHORT.format(value)}`;
  return `$${value.toLocaleString("en-US", { maximumSignificantDigits: 3 })}`;
}

/** What was typed as percent, as a share of 1 to six decimals: 2.9 / 100 is not quite 0.029 in binary. */
export function share(percents: string): number {
  return Number((Number(percents) / 100).toFixed(6));
}

/** A share of 1, as percent; never 100 % where something is missing, and never 0 % of something. */
export function percent(share: number, decimals = 1): string {
  const step = 10 ** -(decimals + 2);
  let shown = Math.round(share / step) * step;
  if (shown >= 1 && share < 1) shown = 1 - step;
  if (shown <= 0 && share > 0) shown = step;
  return `${(shown * 100).toFixed(decimals)} %`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  for (; value >= 1024 && step < units.length - 1; step++) value /= 1024;
  return `${value.toFixed(value < 10 && step ? 1 : 0)} ${units[step]}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number): string => String(value).padStart(2, "0");

/** `23 Nov`. */
export function day(moment: Date): string {
  return `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]}`;
}

/** `14:05`. */
export function clock(moment: Date): string {
  return `${two(moment.getUTCHours())}:${two(moment.getUTCMinutes())}`;
}

/** `14:05:09`; whoever shows it says beside it that it is UTC. */
export function timeOfDay(text: string): string {
  const moment = new Date(text);
  return `${clock(moment)}:${two(moment.getUTCSeconds())}`;
}

/** `23 Nov 14:05:09`, likewise. */
export function time(text: string): string {
  return `${day(new Date(text))} ${timeOfDay(text)}`;
}

/** `23 Nov 2026`. */
export function date(text: string | Date): string {
  const moment = new Date(text);
  return `${day(moment)} ${moment.getUTCFullYear()}`;
}

/** How long ago: `12 s ago`, `3 h ago`. */
export function ago(text: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(text)) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A change against what was before: `+12.0 %`; null where there was nothing to compare with. */
export function change(now: number, before: number): string | null {
  if (before === 0) return null;
  const share = (now - before) / before;
  if (share > 9.99) return `×${(now / before).toFixed(0)}`;
  return `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} %`;
}
