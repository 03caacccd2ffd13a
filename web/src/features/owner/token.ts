/** The link's token while its owner is at the provider: the way back carries only the flow. It ends with the window. */

const TOKEN = "posthouse.owner-link";
const LABEL = "posthouse.owner-link.provider";

export function keepToken(token: string, label: string): void {
  try {
    window.sessionStorage.setItem(TOKEN, token);
    window.sessionStorage.setItem(LABEL, label);
  } catch {
    // Without storage the page asks for the link again on the way back.
  }
}

export function keptToken(): { token: string | undefined; label: string | undefined } {
  try {
    const kept = (name: string) => window.sessionStorage.getItem(name) ?? undefined;
    return { token: kept(TOKEN), label: kept(LABEL) };
  } catch {
    return { token: undefined, label: undefined };
  }
}
