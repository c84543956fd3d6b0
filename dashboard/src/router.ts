/** The address bar as state: which page is open, and what it shows. */

import { signal } from "@preact/signals";

export const BASE = "/dashboard";

/** The address as pages see it; `path` is below the base: "" for the first page, "keys". */
export interface Place {
  path: string;
  params: URLSearchParams;
  hash: string;
}

export const place = signal<Place>(read());

/** The place that an address names. */
export function placeOf(url: URL): Place {
  const path = url.pathname.slice(BASE.length).replace(/^\/+|\/+$/g, "");
  return { path, params: url.searchParams, hash: url.hash.slice(1) };
}

/** Open another page. */
export function navigate(to: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  const before = place.value.path;
  place.value = read();
  if (place.value.path !== before) scrollTo(0, 0);
}

/** Change what the open page shows; null takes a parameter away. */
export function setParams(changes: Record<string, string | null>, { replace = true } = {}): void {
  const params = new URLSearchParams(place.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  navigate(location.pathname + (query && `?${query}`), { replace });
}

/** A parameter of the open page. */
export function param(name: string): string | null {
  return place.value.params.get(name);
}

/** The address of a page; the range goes along, since people compare pages over the same time. */
export function href(path: string, params: Record<string, string> = {}): string {
  const query = new URLSearchParams(params);
  const range = place.value.params.get("range");
  if (range && !query.has("range")) query.set("range", range);
  const text = query.toString();
  return (path ? `${BASE}/${path}` : BASE) + (text && `?${text}`);
}

/** Follow links and the browser's buttons without loading the page anew. */
export function listen(): void {
  addEventListener("popstate", () => (place.value = read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download")) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    navigate(link.href);
  });
}

function read(): Place {
  return placeOf(new URL(location.href));
}
