/**
 * The live stream says what changed, never what it changed to: the page fetches that again. So a lost event
 * costs nothing but time, and after a reconnect everything on screen is fetched once.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { API } from "../../api/client";
import { keys } from "../../api/keys";
import { refreshAccount } from "../accounts/queries";
import { sessionQuery } from "../session/queries";

const EVERY_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export interface Topic {
  topic: string;
  account_id?: string | null;
}

/** Runs `work` at once and then at most once a second for the same key; the last call is never dropped. */
export class Throttle {
  #waiting = new Map<string, { timer: ReturnType<typeof setTimeout>; again: boolean }>();

  run(key: string, work: () => void): void {
    const waiting = this.#waiting.get(key);
    if (waiting) {
      waiting.again = true;
      return;
    }
    work();
    const entry = {
      again: false,
      timer: setTimeout(() => {
        this.#waiting.delete(key);
        if (entry.again) this.run(key, work);
      }, EVERY_MS),
    };
    this.#waiting.set(key, entry);
  }

  stop(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }
}

/** Fetches again what a topic names, as far as it is on screen. */
export function applyTopic(queryClient: QueryClient, { topic, account_id: id }: Topic): void {
  const again = (queryKey: readonly unknown[]) => void queryClient.invalidateQueries({ queryKey });
  switch (topic) {
    case "accounts":
      again(keys.accounts);
      break;
    case "account":
      if (id) void refreshAccount(queryClient, id);
      else again(keys.accounts);
      again(keys.accountSummary);
      break;
    case "messages":
      again(id ? ["mail", id] : ["mail"]);
      again(["message"]);
      break;
    case "outgoing":
      again(keys.outgoingAll);
      again(keys.accountSummary);
      if (id) void refreshAccount(queryClient, id);
      break;
  }
}

/** Opens the stream once, and keeps it. `lostSince` is set while it is broken. */
export function useLive(): { lostSince: number | undefined; retry: () => void } {
  const queryClient = useQueryClient();
  const [lostSince, setLostSince] = useState<number>();
  const connect = useRef<() => void>(() => undefined);

  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wait = FIRST_RETRY_MS;
    let known = false;
    const throttle = new Throttle();

    const open = () => {
      clearTimeout(timer);
      source?.close();
      source = new EventSource(`${API}/live`);
      source.addEventListener("ready", () => {
        const readyAt = Date.now();
        wait = FIRST_RETRY_MS;
        setLostSince(undefined);
        // What was loaded before the stream began may have changed in between.
        void queryClient.invalidateQueries({
          predicate: ({ state, queryKey }) =>
            queryKey[0] !== "session" &&
            (known || (state.dataUpdatedAt > 0 && state.dataUpdatedAt < readyAt)),
        });
        known = true;
      });
      source.addEventListener("topic", (event: MessageEvent<string>) => {
        const topic = JSON.parse(event.data) as Topic;
        throttle.run(`${topic.topic} ${topic.account_id ?? ""}`, () => applyTopic(queryClient, topic));
      });
      source.addEventListener("error", () => {
        setLostSince((since) => since ?? Date.now());
        // The browser reconnects by itself after a cut, but not after an error answer.
        if (source?.readyState !== EventSource.CLOSED) return;
        timer = setTimeout(open, wait);
        wait = Math.min(wait * 2, LONGEST_RETRY_MS);
        void queryClient.refetchQueries({ queryKey: sessionQuery.queryKey });
      });
    };
    connect.current = open;
    const onOnline = () => open();
    window.addEventListener("online", onOnline);
    open();
    return () => {
      window.removeEventListener("online", onOnline);
      clearTimeout(timer);
      throttle.stop();
      source?.close();
    };
  }, [queryClient]);

  const retry = useCallback(() => connect.current(), []);
  return { lostSince, retry };
}
