/**
 * What pages load: kept while the next answer is on its way, asked again when the platform says that
 * it changed, and shared by all parts of a page that ask for the same.
 */

import { signal, type Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError, get } from "./api";
import { type Kind, onChange } from "./live";

const MOST_KEPT = 100;
/** A busy platform changes all the time: nothing is asked for more often than this. */
const PAUSE_MS = 1000;

interface Entry {
  data: unknown;
  error: ApiError | null;
  /** When it was last asked for, by `performance.now()`. */
  askedAt: number;
  isUnderWay: boolean;
  /** Whether to ask again once the present answer is there. */
  isStale: boolean;
  timer: number | undefined;
  version: Signal<number>;
}

const entries = new Map<string, Entry>();

/** What is known of a path's content. `isOld` says that it belongs to what was asked before. */
export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | null;
  isLoading: boolean;
  isOld: boolean;
  reload: () => void;
}

/**
 * The content of a path, asked again when something of `kinds` changes, but not more often than every
 * `pauseMs`; null asks for nothing.
 */
export function useResource<T>(path: string | null, kinds: Kind[] = [], pauseMs = PAUSE_MS): Loaded<T> {
  const [, redraw] = useState(0);
  const last = useRef<{ path: string; data: T } | null>(null);
  useEffect(() => {
    if (path === null) return undefined;
    const entry = entryOf(path);
    const stopDrawing = entry.version.subscribe(() => redraw((value) => value + 1));
    const stopHearing = onChange(kinds, () => refresh(path, pauseMs));
    ask(path);
    return () => {
      stopDrawing();
      stopHearing();
    };
  }, [path, kinds.join()]);
  const entry = path === null ? undefined : entryOf(path);
  if (path !== null && entry?.data !== undefined) last.current = { path, data: entry.data as T };
  return {
    data: path === null ? undefined : last.current?.data,
    error: entry?.error ?? null,
    isLoading: entry?.isUnderWay ?? false,
    isOld: last.current !== null && last.current.path !== path,
    reload: () => {
      if (path !== null) ask(path);
    },
  };
}

/** Have everything that begins with `prefix` asked again where it is shown. */
export function invalidate(prefix: string): void {
  for (const path of entries.keys()) if (path.startsWith(prefix)) ask(path);
}

/** Forget everything, and ask for nothing more: nobody is there. */
export function forgetAll(): void {
  for (const entry of entries.values()) clearTimeout(entry.timer);
  entries.clear();
}

function entryOf(path: string): Entry {
  let entry = entries.get(path);
  if (!entry) {
    if (entries.size >= MOST_KEPT) entries.delete(entries.keys().next().value!);
    entry = { data: undefined, error: null, askedAt: -Infinity, isUnderWay: false, isStale: false, timer: undefined, version: signal(0) };
    entries.set(path, entry);
  }
  return entry;
}

/** Ask again, but not at once where that was done a moment ago. */
function refresh(path: string, pauseMs = PAUSE_MS): void {
  const entry = entryOf(path);
  if (entry.timer !== undefined) return;
  const pause = Math.max(0, entry.askedAt + pauseMs - performance.now());
  entry.timer = window.setTimeout(() => {
    entry.timer = undefined;
    ask(path);
  }, pause);
}

function ask(path: string): void {
  const entry = entryOf(path);
  if (entry.isUnderWay) {
    entry.isStale = true;
    return;
  }
  entry.isUnderWay = true;
  entry.askedAt = performance.now();
  entry.version.value++;
  void get<unknown>(path)
    .then(
      (data) => {
        entry.data = data;
        entry.error = null;
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        entry.error = error;
      },
    )
    .finally(() => {
      entry.isUnderWay = false;
      entry.version.value++;
      if (entry.isStale && entries.get(path) === entry) {
        entry.isStale = false;
        refresh(path);
      }
    });
}
