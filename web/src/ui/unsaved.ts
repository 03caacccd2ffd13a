/** What was typed and not sent or saved anywhere: a load of the page would lose it. */
import { useEffect } from "react";

const unsaved = new Set<symbol>();

/** While `dirty`, the browser asks before it leaves the page, and the page does not load itself anew. */
export function useUnsaved(dirty: boolean): void {
  useEffect(() => {
    if (!dirty) return;
    const mine = Symbol("unsaved");
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    unsaved.add(mine);
    window.addEventListener("beforeunload", warn);
    return () => {
      unsaved.delete(mine);
      window.removeEventListener("beforeunload", warn);
    };
  }, [dirty]);
}

export function anythingUnsaved(): boolean {
  return unsaved.size > 0;
}
