import { defineConfig } from "vite";

// The service serves index.html at /graphql and everything else under /graphiql/.
export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "dist",
    // Files, never data: URLs, and no inline script: the page runs under a strict Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 5000,
    // React libraries mark client modules. Without server rendering, the marks have no effect.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});
