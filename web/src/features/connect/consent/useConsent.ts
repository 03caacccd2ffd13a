import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type BeginConsent, type ConsentFlow, http, unwrap } from "../../../api/client";
import { type ApiError, asApiError, isGone } from "../../../lib/problem";
import { useOneAtATime } from "../../../ui/action";
import { browser, noteTab, noteWindow, send } from "./browser";
import { forget, type Remembered, recall, remember } from "./memory";
import { ended, flowQuery } from "./queries";

/** Where the provider's page opens. */
export type Way = "window" | "tab";

/** Google's page in a window; the others' pages want a whole tab. */
export function wayOf(provider: string): Way {
  return provider === "google" ? "window" : "tab";
}

interface Begun extends Remembered {
  /** The browser let no window open. */
  blocked: boolean;
  /** The page was loaded again since: nothing is opened by itself. */
  resumed?: boolean;
}

export type Phase = "idle" | "beginning" | "waiting" | "working" | "done" | "failed" | "unknown";

interface Options {
  /** The form that it is begun in: the same one takes it up again after a reload. */
  place: string;
  onDone: (flow: ConsentFlow) => unknown;
  /** It was not even begun. */
  onRefused: (error: ApiError) => void;
}

function useBegin() {
  return useMutation({
    mutationFn: (body: BeginConsent) => unwrap(http.POST("/oauth/flows", { body })),
  });
}

function useGiveUp() {
  return useMutation({
    mutationFn: (id: string) => unwrap(http.DELETE("/oauth/flows/{id}", { params: { path: { id } } })),
  });
}

function phaseOf(
  beginning: boolean,
  begun: Begun | undefined,
  flow: ConsentFlow | undefined,
  gone: boolean,
): Phase {
  if (beginning) return "beginning";
  if (!begun) return "idle";
  if (gone) return "unknown";
  return flow?.state ?? "waiting";
}

function taken(place: string): Begun | undefined {
  const known = recall(place);
  return known && { ...known, blocked: false, resumed: true };
}

/** Ends what is remembered once its end was seen; says whether it had ended before anybody looked. */
function useEnd(
  begun: Begun | undefined,
  flow: ConsentFlow | undefined,
  gone: boolean,
  done: Options["onDone"],
) {
  const newest = useRef(done);
  newest.current = done;
  const first = useRef<{ id: string; state: string }>(undefined);
  if (flow && first.current?.id !== flow.id) first.current = flow;
  const before = begun?.resumed === true && first.current?.id === begun.id && first.current.state === "done";
  const told = useRef<string>(undefined);
  useEffect(() => {
    if (!begun) return;
    const ours = flow?.id === begun.id ? flow : undefined;
    if (gone || ended(ours)) forget(begun.id);
    if (ours?.state !== "done" || before || told.current === ours.id) return;
    told.current = ours.id;
    newest.current(ours);
  }, [flow, begun, gone, before]);
  return before;
}

/** Leads a person to the provider's page and follows what becomes of it, whatever happens to the window or the page. */
export function useConsent({ place, onDone, onRefused }: Options) {
  const [begun, setBegun] = useState(() => taken(place));
  const begin = useBegin();
  const giveUp = useGiveUp();
  const once = useOneAtATime();
  const flow = useQuery({ ...flowQuery(begun?.id ?? ""), enabled: begun !== undefined });
  const { data } = flow;
  const gone = isGone(flow.error);
  // What an earlier visit saw says nothing of now.
  const endedBefore = useEnd(begun, flow.isFetchedAfterMount ? data : undefined, gone, onDone);
  const popup = useRef<Window>(undefined);
  // Only once what was typed is no longer taken for unsaved: else the browser would ask before it leaves.
  useEffect(() => {
    if (begun?.way === "tab" && !begun.blocked && !begun.resumed) browser.leave(begun.url);
  }, [begun]);

  /** To be called in the click itself. */
  const start = (body: BeginConsent, way: Way) =>
    void once(async () => {
      const opened = way === "window" ? browser.open() : undefined;
      setBegun(undefined);
      try {
        const next = { ...(await begin.mutateAsync(body)), way, body };
        remember(place, next);
        if (opened) {
          noteWindow(next.id);
          send(opened, next.url);
        }
        popup.current = opened ?? undefined;
        setBegun({ ...next, blocked: opened === null });
      } catch (error) {
        opened?.close();
        onRefused(asApiError(error));
      }
    });
  const openAgain = () => {
    if (!begun) return;
    noteWindow(begun.id);
    const opened = browser.open();
    // One is enough.
    popup.current?.close();
    if (opened) send(opened, begun.url);
    popup.current = opened ?? undefined;
    setBegun({ ...begun, way: "window", blocked: !opened });
  };
  const goOnHere = () => {
    if (!begun) return;
    noteTab(begun.id);
    popup.current?.close();
    browser.leave(begun.url);
  };
  const cancel = () =>
    void once(async () => {
      if (!begun) return;
      // Too late, or not heard of: what became of it is followed, and shown instead of an empty form.
      const refused = await giveUp.mutateAsync(begun.id).then(
        () => undefined,
        (error: unknown) => asApiError(error),
      );
      if (refused?.code === "connected") notifications.show({ color: "yellow", message: refused.message });
      const { data: now } = await flow.refetch();
      if (now?.state === "working" || now?.state === "done") return;
      popup.current?.close();
      forget(begun.id);
      setBegun(undefined);
    });
  return {
    phase: phaseOf(begin.isPending, begun, data, gone),
    way: begun?.way,
    blocked: begun?.blocked ?? false,
    expiresAt: begun?.expires_at,
    problem: data?.problem ?? undefined,
    address: data?.address,
    givenBack: data?.given_back,
    resumed: begun?.resumed ?? false,
    endedBefore,
    start,
    openAgain,
    goOnHere,
    cancel,
  };
}

export type Consent = ReturnType<typeof useConsent>;

/** Whether a sign-in is under way: what was typed is with the server then. */
export function underWay({ phase, endedBefore }: Consent): boolean {
  if (endedBefore) return false;
  return phase === "beginning" || phase === "waiting" || phase === "working" || phase === "done";
}
