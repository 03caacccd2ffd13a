import { MantineProvider } from "@mantine/core";
import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Time } from "./Time";

const START = Date.parse("2026-11-21T09:40:00Z");
const later = (seconds: number) => new Date(START + seconds * 1_000).toISOString();
const shown = (...times: string[]) => (
  <MantineProvider>
    {times.map((at) => (
      <Time key={at} at={at} />
    ))}
  </MantineProvider>
);
const pass = (seconds: number) => act(() => vi.advanceTimersByTime(seconds * 1_000));

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => vi.useRealTimers());

it("counts a near time down by the second", () => {
  render(shown(later(9)));
  expect(screen.getByText("in 9 s")).toBeVisible();
  pass(1);
  expect(screen.getByText("in 8 s")).toBeVisible();
});

it("measures a new time from the present, not from an earlier look at the clock", () => {
  const { rerender } = render(shown(later(600)));
  pass(9);
  rerender(shown(later(600), later(18)));
  expect(screen.getByText("in 9 s")).toBeVisible();
});
