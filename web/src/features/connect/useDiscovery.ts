import { useMutation } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Discovered, DiscoverRequest, Looked } from "../../api/client";
import { streamDiscovery } from "../../api/streams";
import { type ApiError, asApiError } from "../../lib/problem";
import { withLooked } from "./looked";

export interface DiscoveryState {
  phase: "idle" | "running" | "ended";
  /** What was asked last. */
  asked: DiscoverRequest;
  looked: Looked[];
  result: Discovered | undefined;
  /** Why the search itself did not come to an end. */
  trouble: ApiError | undefined;
}

const IDLE: DiscoveryState = {
  phase: "idle",
  asked: { address: "" },
  looked: [],
  result: undefined,
  trouble: undefined,
};

/** Searches for the servers of an address, one search at a time, and keeps the picture of the newest. */
export function useDiscovery() {
  const [state, setState] = useState(IDLE);
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);

  const { mutateAsync } = useMutation({
    mutationFn: ({ asked, signal }: { asked: DiscoverRequest; signal: AbortSignal }) =>
      streamDiscovery(
        asked,
        (looked) =>
          setState((now) => (signal.aborted ? now : { ...now, looked: withLooked(now.looked, looked) })),
        signal,
      ),
  });

  /** Never rejects: what went wrong is in the state. */
  const run = useCallback(
    async (asked: DiscoverRequest): Promise<void> => {
      running.current?.abort();
      const control = new AbortController();
      running.current = control;
      const { signal } = control;
      setState({ ...IDLE, phase: "running", asked });
      try {
        const result = await mutateAsync({ asked, signal });
        if (!signal.aborted) setState((now) => ({ ...now, phase: "ended", looked: result.looked, result }));
      } catch (error) {
        if (!signal.aborted) setState((now) => ({ ...now, phase: "ended", trouble: asApiError(error) }));
      }
    },
    [mutateAsync],
  );

  /** Nobody waits for the search any more. */
  const stop = useCallback(() => {
    running.current?.abort();
    setState(IDLE);
  }, []);

  return { state, run, stop };
}
