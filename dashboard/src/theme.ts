/** Light or dark: as the system has it, unless somebody chose. */

import { signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "headgate.theme";

export const theme = signal<Theme>("system");

/** Show the page as it was chosen. */
export function applyTheme(chosen: Theme = kept()): void {
  theme.value = chosen;
  if (chosen === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = chosen;
}

/** Choose, for this browser. */
export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(KEPT, chosen);
  applyTheme(chosen);
}

function kept(): Theme {
  const found = localStorage.getItem(KEPT);
  return THEMES.find((name) => name === found) ?? "system";
}
