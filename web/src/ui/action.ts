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

/** As long as the second click of a double click may take. */
const DOUBLE_CLICK_MS = 500;

/** A mutation of which one runs at a time: a double click is one request, also when the answer comes at once. */
export function useAction<Data, Variables = void>(options: UseMutationOptions<Data, Error, Variables>) {
  const { mutateAsync, ...mutation } = useMutation(options);
  const once = useOneAtATime();
  const mutate: typeof mutation.mutate = (...args) => {
    const pause = () => new Promise((resolve) => setTimeout(resolve, DOUBLE_CLICK_MS));
    // A failure is in the result and in the callbacks, and may be tried again at once.
    void once(() => mutateAsync(...args).then(pause, () => undefined));
  };
  return { ...mutation, mutate };
}
