/**
 * The live stream says what changed, never what it changed to: the page fetches that again. So a lost event
 * costs nothing but time, and after a reconnect everything on screen is fetched once.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { API, type Message } from "../../api/client";
import { keys } from "../../api/keys";
import { lookAgain } from "../../api/lookAgain";
import { refreshAccount, refreshSummary } from "../accounts/queries";
import { sessionQuery } from "../session/queries";

const EVERY_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** The server says something every 15 s; one that froze does not, and its connection stays open all the same. */
const SILENT_MS = 40_000;
/** When more accounts change in a second, the list is fetched instead of each of them. */
const MANY = 10;

export interface Topic {
  topic: string;
  account_id?: string | null;
}

interface Turn {
  timer: ReturnType<typeof setTimeout>;
  again: boolean;
}

/**
 * Runs `work` at once and then at most once a second for the same key, never a second time before the first has
 * ended; the last call is never dropped.
 */
export class Throttle {
  #turns = new Map<string, Turn>();

  run(key: string, work: () => Promise<unknown>): void {
    const turn = this.#turns.get(key);
    if (turn) turn.again = true;
    else void this.#begin(key, work);
  }

  async #begin(key: string, work: () => Promise<unknown>): Promise<void> {
    let turn: Turn | undefined;
    const pause = new Promise<void>((resolve) => {
      turn = { timer: setTimeout(resolve, EVERY_MS), again: false };
      this.#turns.set(key, turn);
    });
    // What could not be fetched says so where it is shown.
    await Promise.allSettled([pause, work()]);
    if (this.#turns.get(key) !== turn) return;
    this.#turns.delete(key);
    if (turn?.again) this.run(key, work);
  }

  stop(): void {
    for (const { timer } of this.#turns.values()) clearTimeout(timer);
    this.#turns.clear();
  }
}

/** Fetches again what the topics name, as far as it is on screen. */
export class LiveUpdates {
  readonly #queryClient: QueryClient;
  readonly #throttle = new Throttle();
  readonly #changed = new Set<string>();

  constructor(queryClient: QueryClient) {
    this.#queryClient = queryClient;
  }

  apply({ topic, account_id: id }: Topic): void {
    if (topic === "accounts") this.#account(id ?? undefined);
    if (topic === "notices") this.#throttle.run("notices", () => this.#again(keys.notices));
    if (topic === "imports") this.#throttle.run("imports", () => this.#again(keys.imports));
    if (topic === "messages") this.#throttle.run(`messages ${id}`, () => this.#messages(id ?? undefined));
    if (topic === "consent") this.#throttle.run("consent", () => this.#consent());
    if (topic === "outgoing") {
      this.#throttle.run("outgoing", () => this.#again(keys.outgoingAll));
      // The account's figures count what was sent.
      this.#account(id ?? undefined);
    }
  }

  /** Somebody's sign-in at a provider went on, which also shows whether the provider takes the app. */
  async #consent(): Promise<void> {
    await Promise.all([this.#again(keys.flows), this.#again(keys.oauthProviders)]);
  }

  stop(): void {
    this.#throttle.stop();
  }

  #again(queryKey: readonly unknown[]): Promise<void> {
    return lookAgain(this.#queryClient, { queryKey });
  }

  #account(id: string | undefined): void {
    if (id === undefined) {
      this.#throttle.run("all accounts", () => this.#again(keys.accounts));
      return;
    }
    this.#changed.add(id);
    this.#throttle.run(`sync ${id}`, () => this.#again(keys.syncAll(id)));
    // One that was connected by its owner used a link up.
    this.#throttle.run("owner links", () => this.#again(keys.ownerLinksAll));
    this.#throttle.run("accounts", () => this.#changedAccounts());
    this.#throttle.run("summary", () => refreshSummary(this.#queryClient));
  }

  async #changedAccounts(): Promise<void> {
    const ids = [...this.#changed];
    this.#changed.clear();
    if (ids.length > MANY) await this.#again(keys.accounts);
    else await Promise.all(ids.map((id) => refreshAccount(this.#queryClient, id)));
  }

  async #messages(accountId: string | undefined): Promise<void> {
    await Promise.all([
      this.#again(accountId ? keys.mail(accountId) : keys.mailAll),
      lookAgain(this.#queryClient, {
        queryKey: keys.messagesOpen,
        predicate: ({ state }) =>
          !accountId || !state.data || (state.data as Message).account_id === accountId,
      }),
    ]);
  }
}

/** Tells when nothing was heard for a while, again and again. */
export class Silence {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #tell: () => void;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.heard();
      this.#tell();
    }, SILENT_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
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
    const updates = new LiveUpdates(queryClient);

    const silence = new Silence(() => {
      setLostSince((since) => since ?? Date.now());
      open();
    });

    const open = () => {
      clearTimeout(timer);
      source?.close();
      source = new EventSource(`${API}/live`);
      silence.heard();
      for (const name of ["ready", "topic", "ping"]) source.addEventListener(name, () => silence.heard());
      source.addEventListener("ready", () => {
        const readyAt = Date.now();
        wait = FIRST_RETRY_MS;
        setLostSince(undefined);
        // What was loaded before the stream began may have changed in between.
        void lookAgain(queryClient, {
          predicate: ({ state, queryKey }) =>
            queryKey[0] !== "session" && (known || state.dataUpdatedAt < readyAt),
        });
        known = true;
      });
      source.addEventListener("topic", (event: MessageEvent<string>) => {
        updates.apply(JSON.parse(event.data) as Topic);
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
      silence.stop();
      updates.stop();
      source?.close();
    };
  }, [queryClient]);

  const retry = useCallback(() => connect.current(), []);
  return { lostSince, retry };
}
