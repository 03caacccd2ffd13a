/** The kinds of accounts: which of them need an app password only. */
import type { ProviderKind } from "../../api/client";

/** The kinds whose servers are known: an app password is all that is asked for. */
const KNOWN = ["google", "yahoo", "icloud"] as const satisfies ProviderKind[];
export type KnownKind = (typeof KNOWN)[number];

export function isKnown(kind: ProviderKind): kind is KnownKind {
  return KNOWN.some((each) => each === kind);
}

/** The kinds that have a page of their provider: a password, a sign-in at the provider, or both. */
export type ProviderPageKind = KnownKind | "microsoft";

/** The kind that an address bar names. */
export function kindFrom(text: string): ProviderKind | undefined {
  return ([...KNOWN, "microsoft", "custom", "imap"] as const).find((each) => each === text);
}
