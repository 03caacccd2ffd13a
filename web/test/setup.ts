import "@testing-library/jest-dom/vitest";
import { notifications } from "@mantine/notifications";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { ids } from "../src/lib/ids";
import { FakeEventSource, server } from "./world";

// A busy machine is slow, not wrong.
configure({ asyncUtilTimeout: 15_000 });

// What jsdom lacks and the page needs.
window.matchMedia = (query: string) => {
  const target = new EventTarget();
  return Object.assign(target, {
    matches: false,
    media: query,
    onchange: null,
    addListener: () => undefined,
    removeListener: () => undefined,
  }) as MediaQueryList;
};
window.ResizeObserver = class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
window.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;
Object.assign(globalThis, { EventSource: FakeEventSource });

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
// Accounts of the small world are called by names. What is an id is asked in the tests of addresses.
beforeEach(() => {
  vi.spyOn(ids, "is").mockReturnValue(true);
});
afterEach(() => {
  cleanup();
  notifications.clean();
  server.resetHandlers();
  FakeEventSource.all = [];
  window.localStorage.clear();
});
afterAll(() => {
  vi.restoreAllMocks();
  server.close();
});
