/** What became of access that a sign-in brought and nobody keeps. */
import type { ConsentFlow } from "../../../api/client";

/** In words; none where no access came, or it is kept. */
export function givenBackWords(what: ConsentFlow["given_back"], label: string): string | undefined {
  switch (what) {
    case "taken":
      return "The access was given back.";
    case "in_use":
      return "The access was not given back: a connected account lives by the same consent.";
    case "refused":
      return `${label} did not take the access back. Remove it there, among the apps that may use the account.`;
    case "no_place":
      return `${label} takes no access back from programs. Remove it there, among the apps that may use the account.`;
    default:
      return undefined;
  }
}
