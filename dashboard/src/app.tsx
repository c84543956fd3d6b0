/** The frame around all pages: who is there, where one can go, and the page that is open. */

import { signal } from "@preact/signals";
import type { ComponentChildren, FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";

import { listenLive } from "./live";
import { Login } from "./pages/login";
import { PAGES, type PageEntry, pageAt } from "./pages";
import { BASE, href, listen, place } from "./router";
import { begin, mayChange, ownWorkspace, session, signOut } from "./session";
import { chooseTheme, type Theme, theme, THEMES } from "./theme";

const GROUPS = ["Observe", "Build", "Manage"] as const;

const isMenuOpen = signal(false);

export const App: FunctionComponent = () => {
  useEffect(() => {
    listen();
    void begin();
  }, []);
  if (session.value === undefined) return null;
  return session.value === null ? <Login /> : <Signed />;
};

const Signed: FunctionComponent = () => {
  useEffect(() => {
    const leaving = new AbortController();
    listenLive(leaving.signal);
    return () => leaving.abort();
  }, []);
  const { path } = place.value;
  const page = pageAt(path);
  useEffect(() => {
    document.title = `${page.title} · Headgate`;
    isMenuOpen.value = false;
  }, [page.title]);
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Sidebar open={page.path} />
      <main id="content" tabIndex={-1}>
        <page.Content key={page.path} />
      </main>
    </div>
  );
};

const Sidebar: FunctionComponent<{ open: string }> = ({ open }) => (
  <header class="side">
    <div class={`sidebar ${isMenuOpen.value ? "is-open" : ""}`}>
      <div class="brand">
        <a href={BASE}>
          <Mark />
          Headgate
        </a>
        <button
          class="menu-button"
          type="button"
          aria-expanded={isMenuOpen.value}
          aria-controls="navigation"
          onClick={() => (isMenuOpen.value = !isMenuOpen.value)}
        >
          Menu
        </button>
      </div>
      <nav id="navigation" aria-label="Pages">
        {GROUPS.filter((group) => PAGES.some((page) => page.group === group)).map((group) => (
          <Group key={group} name={group}>
            {PAGES.filter((page) => page.group === group && isShown(page)).map((page) => (
              <li key={page.path}>
                <a href={href(page.path)} aria-current={page.path === open ? "page" : undefined}>
                  {page.title}
                </a>
              </li>
            ))}
          </Group>
        ))}
      </nav>
      <div class="sidebar-foot">
        <label class="theme">
          <span>Theme</span>
          <select value={theme.value} onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}>
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {name[0]!.toUpperCase() + name.slice(1)}
              </option>
            ))}
          </select>
        </label>
        <p class="who" title={session.value?.keyId}>
          {session.value?.name}
        </p>
        {!mayChange.value && <p class="muted">Viewer: you see everything and change nothing</p>}
        {ownWorkspace.value !== null && <p class="muted">Administrator of the workspace {ownWorkspace.value}</p>}
        <button class="quiet" type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </div>
  </header>
);

/** Whether there is something for whoever is there. */
function isShown(page: PageEntry): boolean {
  return ownWorkspace.value === null ? mayChange.value || !page.isForAdmins : !page.isOfPlatform;
}

const Group: FunctionComponent<{ name: string; children: ComponentChildren }> = ({ name, children }) => (
  <section>
    <h2>{name}</h2>
    <ul>{children}</ul>
  </section>
);

export const Mark: FunctionComponent = () => (
  <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M9 7v18M23 7v18M9 13h14M9 19h14" />
  </svg>
);
