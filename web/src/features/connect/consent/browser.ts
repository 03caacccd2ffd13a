/**
 * What a sign-in at a provider does to windows. A window that was opened can be closed again as long as the provider is
 * shown in it, and nothing else is asked of it: how far a sign-in is, is known by its flow.
 */

/** Of a window that shows a sign-in form. */
const FEATURES = "popup,width=540,height=760";
const KEY = "posthouse-consent-windows";
/** More than anybody has open at once. */
const MANY = 10;

export const browser = {
  /**
   * An empty one. Only in the click itself: later the browser takes it for a window that nobody asked for. Null: it was
   * blocked.
   */
  open: (): Window | null => window.open("", "_blank", FEATURES) ?? null,
  leave: (url: string): void => window.location.assign(url),
  close: (): void => window.close(),
};

/** Sends a window that was opened empty to the provider. */
export function send(opened: Window, url: string): void {
  opened.location.href = url;
}

function remembered(): string[] {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  } catch {
    // Storage is off: then nothing is remembered.
    return [];
  }
}

function keep(ids: string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(ids.slice(-MANY)));
  } catch {
    // The window then shows the account instead of closing itself.
  }
}

/** The page that the provider leads back to has to know whether it stands in a window of its own. */
export function noteWindow(id: string): void {
  keep([...remembered().filter((each) => each !== id), id]);
}

/** The sign-in goes on in a tab. */
export function noteTab(id: string): void {
  keep(remembered().filter((each) => each !== id));
}

export function inWindow(id: string): boolean {
  return remembered().includes(id);
}
