import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type BeginConsent, type ConsentFlow, http, unwrap } from "../../../api/client";
import { type ApiError, asApiError, isGone } from "../../../lib/problem";
import { useOneAtATime } from "../../../ui/action";
import { browser, noteTab, noteWindow, send } from "./browser";
import { flowQuery } from "./queries";

/** Where the provider's page opens. */
export type Way = "window" | "tab";

/** Google's page in a window; the others' pages want a whole tab. */
export function wayOf(provider: string): Way {
  return provider === "google" ? "window" : "tab";
}

interface Begun {
  id: string;
  url: string;
  expires_at: string;
  way: Way;
  /** The browser let no window open. */
  blocked: boolean;
}

export type Phase = "idle" | "beginning" | "waiting" | "working" | "done" | "failed" | "unknown";

interface Ends {
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

/** Leads a person to the provider's page and follows what becomes of it, whatever happens to the window. */
export function useConsent({ onDone, onRefused }: Ends) {
  const [begun, setBegun] = useState<Begun>();
  const begin = useBegin();
  const giveUp = useGiveUp();
  const once = useOneAtATime();
  const flow = useQuery({ ...flowQuery(begun?.id ?? ""), enabled: begun !== undefined });

  const newest = useRef(onDone);
  newest.current = onDone;
  const told = useRef<string>(undefined);
  const { data } = flow;
  useEffect(() => {
    if (data?.state !== "done" || data.id !== begun?.id || told.current === data.id) return;
    told.current = data.id;
    newest.current(data);
  }, [data, begun]);
  // Only once what was typed is no longer taken for unsaved: else the browser would ask before it leaves.
  useEffect(() => {
    if (begun?.way === "tab" && !begun.blocked) browser.leave(begun.url);
  }, [begun]);

  /** To be called in the click itself. */
  const start = (body: BeginConsent, way: Way) =>
    void once(async () => {
      const opened = way === "window" ? browser.open() : undefined;
      setBegun(undefined);
      try {
        const next = await begin.mutateAsync(body);
        if (opened) {
          noteWindow(next.id);
          send(opened, next.url);
        }
        setBegun({ ...next, way, blocked: opened === null });
      } catch (error) {
        opened?.close();
        onRefused(asApiError(error));
      }
    });
  const openAgain = () => {
    if (!begun) return;
    noteWindow(begun.id);
    const opened = browser.open(begun.url);
    setBegun({ ...begun, way: "window", blocked: !opened });
  };
  const goOnHere = () => {
    if (!begun) return;
    noteTab(begun.id);
    browser.leave(begun.url);
  };
  const cancel = () =>
    void once(async () => {
      if (!begun) return;
      await giveUp.mutateAsync(begun.id).catch(() => undefined);
      // It may have gone on in the meantime: then that is followed.
      const { data: now } = await flow.refetch();
      if (now?.state !== "working" && now?.state !== "done") setBegun(undefined);
    });
  return {
    phase: phaseOf(begin.isPending, begun, data, isGone(flow.error)),
    way: begun?.way,
    blocked: begun?.blocked ?? false,
    expiresAt: begun?.expires_at,
    problem: data?.problem ?? undefined,
    start,
    openAgain,
    goOnHere,
    cancel,
  };
}

export type Consent = ReturnType<typeof useConsent>;

/** Whether a sign-in is under way: what was typed is with the server then. */
export function underWay({ phase }: Consent): boolean {
  return phase === "beginning" || phase === "waiting" || phase === "working" || phase === "done";
}
