/** Work that must not run twice because somebody clicked twice. */
import { type UseMutationOptions, useMutation } from "@tanstack/react-query";
import { useCallback, useRef } from "react";

/**
 * Runs work one at a time: a call while the earlier one runs does nothing. A button that shows that it loads is
 * not enough, because the second click can come before it is drawn.
 */
export function useOneAtATime(): (work: () => Promise<unknown>) => Promise<void> {
  const running = useRef(false);
  return useCallback(async (work) => {
    if (running.current) return;
    running.current = true;
    try {
      await work();
    } finally {
      running.current = false;
    }
  }, []);
}

/** A mutation of which one runs at a time: a double click is one request. */
export function useAction<Data, Variables = void>(options: UseMutationOptions<Data, Error, Variables>) {
  const { mutateAsync, ...mutation } = useMutation(options);
  const once = useOneAtATime();
  const mutate: typeof mutation.mutate = (...args) => {
    // A failure is in the result and in the callbacks.
    void once(() => mutateAsync(...args).catch(() => undefined));
  };
  return { ...mutation, mutate };
}
