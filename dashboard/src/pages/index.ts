/** All pages, in the order of the navigation. */

import type { FunctionComponent } from "preact";

import { Missing } from "./missing";
import { Overview } from "./overview";

export interface PageEntry {
  path: string;
  title: string;
  group: "Observe" | "Build" | "Manage" | null;
  Content: FunctionComponent;
}

export const PAGES: PageEntry[] = [{ path: "", title: "Overview", group: "Observe", Content: Overview }];

const MISSING: PageEntry = { path: "missing", title: "Not found", group: null, Content: Missing };

/** The page at a path; what lies below a page's path is that page's business. */
export function pageAt(path: string): PageEntry {
  const first = path.split("/")[0];
  return PAGES.find((page) => page.path === first) ?? MISSING;
}
