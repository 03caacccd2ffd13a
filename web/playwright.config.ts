import { defineConfig } from "@playwright/test";

/** Walks through the pages in Debian's Chromium, on the real program with real mail servers. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.walk.ts",
  outputDir: "e2e/.output/results",
  reporter: [["list", { printSteps: true }]],
  // Each worker has mail servers of its own.
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 90_000,
  expect: { timeout: 15_000 },
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    // Nothing moves while it is looked at.
    contextOptions: { reducedMotion: "reduce" },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
