/** All pages, in the order of the navigation. */

import type { FunctionComponent } from "preact";

import { Audit } from "./audit";
import { Budgets } from "./budgets";
import { Documents } from "./documents";
import { Health } from "./health";
import { Keys } from "./keys";
import { Missing } from "./missing";
import { Overview } from "./overview";
import { Playground } from "./playground";
import { Prompts } from "./prompts";
import { Providers } from "./providers";
import { RealTime } from "./real-time";
import { Requests } from "./requests";
import { Runs } from "./runs";
import { Workspaces } from "./workspaces";

export interface PageEntry {
  path: string;
  title: string;
  group: "Observe" | "Build" | "Manage" | null;
  Content: FunctionComponent;
  /** Whether a viewer can do nothing there. */
  isForAdmins?: boolean;
  /** Whether it tells of the platform alone, and of no workspace. */
  isOfPlatform?: boolean;
}

export const PAGES: PageEntry[] = [
  { path: "", title: "Overview", group: "Observe", Content: Overview },
  { path: "real-time", title: "Real time", group: "Observe", Content: RealTime },
  { path: "budgets", title: "Budgets", group: "Observe", Content: Budgets },
  { path: "runs", title: "Agent runs", group: "Observe", Content: Runs },
  { path: "requests", title: "Requests", group: "Observe", Content: Requests },
  { path: "health", title: "Health", group: "Observe", Content: Health, isOfPlatform: true },
  { path: "playground", title: "Playground", group: "Build", Content: Playground, isForAdmins: true },
  { path: "prompts", title: "Prompts", group: "Build", Content: Prompts },
  { path: "documents", title: "Documents", group: "Build", Content: Documents },
  { path: "keys", title: "Keys", group: "Manage", Content: Keys },
  { path: "workspaces", title: "Workspaces", group: "Manage", Content: Workspaces },
  { path: "providers", title: "Providers", group: "Manage", Content: Providers, isOfPlatform: true },
  { path: "audit", title: "Audit", group: "Manage", Content: Audit },
];

const MISSING: PageEntry = { path: "missing", title: "Not found", group: null, Content: Missing };

/** The page at a path; what lies below a page's path is that page's business. */
export function pageAt(path: string): PageEntry {
  const first = path.split("/")[0];
  return PAGES.find((page) => page.path === first) ?? MISSING;
}
