/** Where to go after signing in: only a path of this page, never another site ("//evil.test", "/\evil.test"). */
export function safeReturnPath(next: string | undefined): string {
  if (!next?.startsWith("/")) return "/accounts";
  // As browsers read it: they drop tabs and line ends, and take a backslash for a slash.
  const here = "https://this.page";
  const url = URL.canParse(next, here) ? new URL(next, here) : undefined;
  if (url?.origin !== here || /^\/(\/|sign-in\b|setup\b)/.test(url.pathname)) return "/accounts";
  return `${url.pathname}${url.search}${url.hash}`;
}
