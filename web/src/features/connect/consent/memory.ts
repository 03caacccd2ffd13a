/** Sign-ins that are on their way, for a page that is loaded again meanwhile: the server goes on with them. */
import type { BeginConsent } from "../../../api/client";
import type { Way } from "./useConsent";

const KEY = "posthouse-consent-begun";
const HOUR_MS = 3_600_000;

export interface Remembered {
  id: string;
  url: string;
  expires_at: string;
  way: Way;
  /** What was asked for, so that the form has it again. */
  body: BeginConsent;
}

type All = Record<string, Remembered>;

function all(): All {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as All;
  } catch {
    // Storage is off, or not ours: then nothing is remembered.
    return {};
  }
}

function keep(next: All): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // The form is empty then.
  }
}

/** Keeps it for this tab. `place`: the form that it was begun in. */
export function remember(place: string, begun: Remembered): void {
  keep({ ...all(), [place]: begun });
}

/** What was begun there. Long after its time nobody waits for it any more. */
export function recall(place: string): Remembered | undefined {
  const found = all()[place];
  return found && Date.parse(found.expires_at) + HOUR_MS > Date.now() ? found : undefined;
}

/** The form of a new account. */
export function newPlace(provider: string): string {
  return `new ${provider}`;
}

/** The form that reconnects one. */
export function againPlace(accountId: string): string {
  return `again ${accountId}`;
}

/** It ended, and that was seen. */
export function forget(id: string): void {
  keep(Object.fromEntries(Object.entries(all()).filter(([, each]) => each.id !== id)));
}
