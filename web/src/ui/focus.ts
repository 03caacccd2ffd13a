/** Where the focus is now; for an item of a menu, the button that opened the menu, since the item goes away. */
export function focusOrigin(): HTMLElement | undefined {
  const element = document.activeElement;
  const trigger = element?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const origin = trigger ? document.getElementById(trigger) : element;
  return origin instanceof HTMLElement ? origin : undefined;
}

/** Gives the focus back once what covered it is gone; to the page when its place is gone too. */
export function returnFocus(origin: HTMLElement | undefined): void {
  requestAnimationFrame(() => {
    const place = origin?.isConnected ? origin : document.getElementById("main");
    place?.focus({ preventScroll: true });
  });
}
