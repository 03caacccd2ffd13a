/** Search parameters come from the address bar: anything may stand there. */
export function textParam(search: Record<string, unknown>, name: string): string | undefined {
  const value = search[name];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A one-time token stands behind `#`: browsers send that part to nobody. */
export function hashParam(hash: string, name: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "")).get(name) || undefined;
}

/** A parameter that must be one of a list. */
export function oneOf<T extends string>(
  search: Record<string, unknown>,
  name: string,
  known: readonly T[],
): T | undefined {
  const value = search[name];
  return known.find((each) => each === value);
}
