import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LiveUpdates, Silence, Throttle } from "./live";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("runs the first call at once, and all that follow in a second as one", async () => {
  const throttle = new Throttle();
  const work = vi.fn(async () => undefined);
  for (let call = 0; call < 50; call += 1) throttle.run("a", work);
  expect(work).toHaveBeenCalledTimes(1);
  throttle.run("b", work);
  expect(work).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(work).toHaveBeenCalledTimes(3);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(work).toHaveBeenCalledTimes(3);
});

it("waits for slow work before it runs again, and goes on after a failure", async () => {
  const throttle = new Throttle();
  let fail: () => void = () => undefined;
  const work = vi.fn(() => new Promise<void>((_, reject) => (fail = () => reject(new Error("no")))));
  throttle.run("a", work);
  throttle.run("a", work);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(work).toHaveBeenCalledTimes(1);
  fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(work).toHaveBeenCalledTimes(2);
});

it("runs nothing more when it was stopped", async () => {
  const throttle = new Throttle();
  const work = vi.fn(async () => undefined);
  throttle.run("a", work);
  throttle.run("a", work);
  throttle.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(work).toHaveBeenCalledTimes(1);
});

it("takes a stream that says nothing for dead, and looks again", async () => {
  const tell = vi.fn();
  const silence = new Silence(tell);
  silence.heard();
  for (let pings = 0; pings < 10; pings += 1) {
    await vi.advanceTimersByTimeAsync(15_000);
    silence.heard();
  }
  expect(tell).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(85_000);
  expect(tell).toHaveBeenCalledTimes(2);
  silence.stop();
  await vi.advanceTimersByTimeAsync(85_000);
  expect(tell).toHaveBeenCalledTimes(2);
});

/** What was marked as old by the topics of two seconds. */
async function invalidated(topics: { topic: string; account_id: string | null }[]) {
  const queryClient = new QueryClient();
  const keys = {
    list: ["accounts", "list", {}],
    summary: ["accounts", "summary"],
    ana: ["accounts", "one", "ana"],
    mailOfAna: ["mail", "ana", "list", ""],
    mailOfBen: ["mail", "ben", "list", ""],
    letterToAna: ["message", "m1"],
    letterToBen: ["message", "m2"],
    outbox: ["outgoing", "list", "ana"],
  };
  for (const key of Object.values(keys)) queryClient.setQueryData(key, { pages: [] });
  queryClient.setQueryData(keys.letterToAna, { account_id: "ana" });
  queryClient.setQueryData(keys.letterToBen, { account_id: "ben" });
  const refetched = vi.spyOn(queryClient, "refetchQueries").mockResolvedValue();
  const fetched = vi.spyOn(queryClient, "fetchQuery").mockResolvedValue({ id: "ana", tags: [] });
  const updates = new LiveUpdates(queryClient);
  for (const topic of topics) updates.apply(topic);
  await vi.advanceTimersByTimeAsync(2_000);
  updates.stop();
  const old = Object.entries(keys).filter(([, key]) => queryClient.getQueryState(key)?.isInvalidated);
  const calls = [...refetched.mock.calls, ...fetched.mock.calls];
  const asked = calls.map(([query]) => query?.queryKey?.join(" "));
  return { old: old.map(([name]) => name), asked };
}

it("fetches one account and the figures again for its topic, twice for a storm of two seconds", async () => {
  const { old, asked } = await invalidated(
    Array.from({ length: 500 }, () => ({ topic: "accounts", account_id: "ana" })),
  );
  expect(old).toEqual(["summary"]);
  expect(asked.filter((key) => key === "accounts one ana")).toHaveLength(2);
  expect(asked.filter((key) => key === "accounts summary")).toHaveLength(2);
});

it("fetches the list instead when many accounts change at once", async () => {
  const { old, asked } = await invalidated(
    Array.from({ length: 300 }, (_, at) => ({ topic: "accounts", account_id: `a${at}` })),
  );
  expect(old).toEqual(["list", "summary", "ana"]);
  expect(asked.filter((key) => key === "accounts")).toHaveLength(1);
});

it("fetches only the mail of the account whose mail changed", async () => {
  const { old } = await invalidated([{ topic: "messages", account_id: "ana" }]);
  expect(old).toEqual(["mailOfAna", "letterToAna"]);
});

it("fetches the account's figures again when something was sent", async () => {
  const { old, asked } = await invalidated([{ topic: "outgoing", account_id: "ana" }]);
  expect(old).toEqual(["summary", "outbox"]);
  expect(asked).toContain("accounts one ana");
});

it("fetches all accounts again when it is not said which", async () => {
  const { old } = await invalidated([{ topic: "accounts", account_id: null }]);
  expect(old).toEqual(["list", "summary", "ana"]);
});

/** A list on screen that is being asked for the first time, and what each of its answers came to. */
function asked(queryClient: QueryClient, queryKey: readonly unknown[]) {
  const answers: ((data: unknown) => void)[] = [];
  const queryFn = () => new Promise((resolve) => answers.push(resolve));
  const observer = new QueryObserver(queryClient, { queryKey, queryFn });
  const leave = observer.subscribe(() => undefined);
  return { answers, leave, data: () => observer.getCurrentResult().data };
}

it("asks once more for what changed while its first answer was on its way", async () => {
  const queryClient = new QueryClient();
  const updates = new LiveUpdates(queryClient);
  const list = asked(queryClient, ["mail", "ana", "list", ""]);
  updates.apply({ topic: "messages", account_id: "ana" });
  await vi.advanceTimersByTimeAsync(0);
  expect(list.answers).toHaveLength(1);
  list.answers[0]?.("nothing yet");
  await vi.advanceTimersByTimeAsync(0);
  expect(list.answers).toHaveLength(2);
  list.answers[1]?.("a letter");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(list.data()).toBe("a letter");
  expect(list.answers).toHaveLength(2);
  list.leave();
  updates.stop();
});

it("asks once more for a list of accounts that was on its way when one of them changed", async () => {
  const queryClient = new QueryClient();
  const updates = new LiveUpdates(queryClient);
  const list = asked(queryClient, ["accounts", "list", {}]);
  updates.apply({ topic: "accounts", account_id: "ana" });
  await vi.advanceTimersByTimeAsync(0);
  list.answers[0]?.({ pages: [] });
  await vi.advanceTimersByTimeAsync(0);
  expect(list.answers).toHaveLength(2);
  list.leave();
  updates.stop();
});
