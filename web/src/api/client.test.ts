import { http as answers, delay } from "msw";
import { afterEach, expect, it, vi } from "vitest";
import { api, server } from "../../test/world";
import { http, unwrap } from "./client";
import { watched } from "./waiting";

afterEach(() => vi.restoreAllMocks());

it("waits no longer than the limit for a server that hangs, and says which it was", async () => {
  const limits: number[] = [];
  const original = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    limits.push(ms);
    return original(20);
  });
  server.use(answers.get(api("/session"), () => delay("infinite")));
  await expect(unwrap(http.GET("/session"))).rejects.toMatchObject({ code: "no_answer", status: 0 });
  expect(limits).toEqual([30_000]);
});

it("says which request somebody stopped", async () => {
  server.use(answers.get(api("/session"), () => delay("infinite")));
  const control = new AbortController();
  const asked = unwrap(http.GET("/session", { signal: control.signal }));
  control.abort();
  await expect(asked).rejects.toMatchObject({ code: "stopped" });
});

it("hands on what a watched request ends with", async () => {
  await expect(watched(Promise.resolve(3))).resolves.toBe(3);
  await expect(watched(Promise.reject(new Error("no")))).rejects.toThrow("no");
});
