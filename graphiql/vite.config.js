import { defineConfig } from "vite";

// The service hands out index.html at /graphql and everything else under /graphiql/.
export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "dist",
    // Files, never data: URLs, and no inline script: the page runs under a strict Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 5000,
    // React libraries mark client modules; there is no server rendering here for the marks to matter.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});
