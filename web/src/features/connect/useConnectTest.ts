import { useMutation } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import {
  type ConnectRequest,
  type ConnectStep,
  type Encryption,
  failedStep,
  type ReconnectRequest,
  type TestResult,
} from "../../api/client";
import { streamTest } from "../../api/streams";
import { asApiError } from "../../lib/problem";
import { withStep } from "./steps";

export interface TestState {
  phase: "idle" | "running" | "ended";
  steps: ConnectStep[];
  /** The sides under test and how they are protected; they decide which steps are to come. */
  sides: { side: ConnectStep["side"]; encryption: Encryption }[];
  result: TestResult | undefined;
  /** Why the test itself did not come to an end, or why saving was refused. */
  trouble: string | undefined;
}

const IDLE: TestState = { phase: "idle", steps: [], sides: [], result: undefined, trouble: undefined };

interface Tested {
  body: ConnectRequest | ReconnectRequest;
  sides: TestState["sides"];
}

function sidesOf(body: ConnectRequest | ReconnectRequest): TestState["sides"] {
  const sides: TestState["sides"] = [];
  if (body.imap) sides.push({ side: "imap", encryption: body.imap.encryption });
  if (body.smtp) sides.push({ side: "smtp", encryption: body.smtp.encryption });
  return sides;
}

/** Runs connection tests one at a time and keeps the picture of the newest. */
export function useConnectTest(path: string) {
  const [state, setState] = useState<TestState>(IDLE);
  const running = useRef<AbortController>(null);
  /** The request that passed last: saving it again needs no second look. */
  const passed = useRef<string>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const { mutateAsync } = useMutation({
    mutationFn: ({ body, sides }: Tested) => {
      running.current?.abort();
      const control = new AbortController();
      running.current = control;
      setState({ ...IDLE, phase: "running", sides });
      const onStep = (step: ConnectStep) =>
        setState((now) => (control.signal.aborted ? now : { ...now, steps: withStep(now.steps, step) }));
      return streamTest(path, body, onStep, control.signal);
    },
  });

  /** `sides`: where the request leaves them to what is saved. Resolves to whether all sides work. Never rejects: what went wrong is in the state. */
  const run = useCallback(
    async (
      body: ConnectRequest | ReconnectRequest,
      sides = sidesOf(body),
    ): Promise<{ ok: boolean; error?: unknown }> => {
      passed.current = undefined;
      try {
        const result = await mutateAsync({ body, sides });
        if (result.ok) passed.current = JSON.stringify(body);
        setState((now) => ({ ...now, phase: "ended", result }));
        return { ok: result.ok };
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") return { ok: false };
        setState((now) => ({ ...now, phase: "ended", trouble: asApiError(error).message }));
        return { ok: false, error };
      }
    },
    [mutateAsync],
  );

  const hasPassed = useCallback(
    (body: ConnectRequest | ReconnectRequest) => passed.current === JSON.stringify(body),
    [],
  );

  /** Saving was refused: shows the step it stopped at, as the test would have. */
  const refuse = useCallback((error: unknown) => {
    passed.current = undefined;
    const step = failedStep(error);
    setState((now) => ({
      ...now,
      phase: "ended",
      steps: step ? withStep(now.steps, step) : now.steps,
      result: { ok: false, imap_ok: null, smtp_ok: null },
      trouble: step ? undefined : asApiError(error).message,
    }));
  }, []);

  return { state, run, hasPassed, refuse };
}
