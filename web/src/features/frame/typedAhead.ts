/** How long the palette may take until its field listens, in milliseconds. */
const UNTIL_FOCUS = 5000;

/** Spotlight marks a line at each key stroke, but answers come later: marks their first line when none is. */
export function markFirst(): HTMLElement | null {
  const root = document.querySelector(".mantine-Spotlight-actionsList");
  const line =
    root?.querySelector<HTMLElement>("[data-selected]") ?? root?.querySelector<HTMLElement>("[data-action]");
  line?.setAttribute("data-selected", "true");
  return line ?? null;
}

/**
 * What is typed before the field of the palette has the focus is meant for it, also while its script is on the way:
 * no letter of it may archive a message. Gives the end of it.
 */
export function takeKeys(take: (key: string) => void): () => void {
  const end = () => {
    clearTimeout(timer);
    window.removeEventListener("keydown", onKey, true);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" || document.activeElement?.closest(".mantine-Spotlight-content")) return end();
    const enter = event.key === "Enter";
    if (!enter && (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!enter) return take(event.key);
    const chosen = markFirst();
    if (!chosen) return;
    chosen.click();
    end();
  };
  const timer = setTimeout(end, UNTIL_FOCUS);
  window.addEventListener("keydown", onKey, true);
  return end;
}
