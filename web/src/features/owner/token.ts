/** What the page has to know again when the owner comes back from their provider: the way back carries only the flow. */

const KEPT = "posthouse.owner-link";

export interface Kept {
  token: string;
  /** The provider's name. */
  label: string;
  address: string;
  /** What the team can do, as it was told. */
  rights: string[];
}

/** Kept in this window only, and until it is closed or the mailbox is connected. */
export function keep(kept: Kept): void {
  try {
    window.sessionStorage.setItem(KEPT, JSON.stringify(kept));
  } catch {
    // Without storage the page asks for the link again on the way back.
  }
}

export function kept(): Kept | undefined {
  try {
    return JSON.parse(window.sessionStorage.getItem(KEPT) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
