/** Where to go after signing in: only a path of this page, never another site ("//evil.test", "/\evil.test"). */
export function safeReturnPath(next: string | undefined): string {
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next)) return "/accounts";
  return /^\/(sign-in|setup)\b/.test(next) ? "/accounts" : next;
}
