import { defineConfig } from "vite";

// Pages live under /dashboard; an icon or font that became part of a file would need a laxer policy.
export default defineConfig({
  base: "/dashboard/",
  build: { target: "es2022", cssTarget: ["chrome123", "firefox120", "safari17.5"], assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
