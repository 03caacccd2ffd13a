import { availableParallelism } from "node:os";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.DEV_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [tanstackRouter({ target: "react", autoCodeSplitting: true }), react()],
  build: {
    target: "es2023",
    // The page's policy allows no data: addresses for scripts and fonts.
    assetsInlineLimit: 0,
    manifest: true,
    // What twelve places or more share is one file instead of forty small ones. The forms that connect accounts share
    // among themselves what the first page does not need, and dialogs what no page needs before it asks something.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: "base",
              minShareCount: 12,
              test: /^(?!.*\/(features\/(connect|imports)\/|ModalBase\/|api\/streams|lib\/sse))/,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": { target: server, changeOrigin: false } } },
  test: {
    environment: "jsdom",
    setupFiles: ["test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    // By itself it leaves one core free, which on a machine of two is half of it.
    maxWorkers: availableParallelism(),
    css: false,
  },
});
