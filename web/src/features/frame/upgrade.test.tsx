import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { render, screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, it, vi } from "vitest";
import { server } from "../../../test/world";
import { asApiError } from "../../lib/problem";
import { useUnsaved } from "../../ui/unsaved";
import { followUpgrade, isUpgraded, onScriptMissing } from "./upgrade";

beforeEach(() => window.sessionStorage.clear());

const page = (script: string) =>
  http.get("*/", () => HttpResponse.html(`<script type="module" src="${script}"></script>`));

it("knows an upgrade by another first script, and takes neither silence nor errors for one", async () => {
  server.use(page("/assets/index-a.js"));
  expect(await isUpgraded("/assets/index-a.js")).toBe(false);
  expect(await isUpgraded("/assets/index-b.js")).toBe(true);
  server.use(http.get("*/", () => HttpResponse.error()));
  expect(await isUpgraded("/assets/index-b.js")).toBe(false);
  server.use(http.get("*/", () => HttpResponse.html("bad gateway", { status: 502 })));
  expect(await isUpgraded("/assets/index-b.js")).toBe(false);
});

it("loads the page anew only after an upgrade, once", async () => {
  const load = vi.fn();
  await followUpgrade(async () => false, load);
  expect(load).not.toHaveBeenCalled();
  await followUpgrade(async () => true, load);
  expect(load).toHaveBeenCalledTimes(1);
  window.sessionStorage.setItem("posthouse-reloaded-at", String(Date.now()));
  await followUpgrade(async () => true, load);
  expect(load).toHaveBeenCalledTimes(1);
});

it("asks instead while something typed would be lost", async () => {
  const Draft = () => {
    useUnsaved(true);
    return null;
  };
  const load = vi.fn();
  render(
    <MantineProvider env="test">
      <Notifications />
      <Draft />
    </MantineProvider>,
  );
  await followUpgrade(async () => true, load);
  expect(load).not.toHaveBeenCalled();
  (await screen.findByRole("button", { name: "Load the new page" })).click();
  expect(load).toHaveBeenCalledTimes(1);
});

it("keeps the router from loading the page anew by itself", () => {
  server.use(page("/assets/index-a.js"));
  const payload = new TypeError("Failed to fetch dynamically imported module: /assets/a.js");
  onScriptMissing(Object.assign(new Event("vite:preloadError"), { payload }));
  expect(payload.message).not.toMatch(/^Failed to fetch dynamically/);
  expect(asApiError(payload)).toMatchObject({ code: "unreachable" });
});
