import type { AccountFilter } from "../../api/keys";
import { oneOf, textParam } from "../../lib/params";

const SORTS = ["address", "provider", "user", "health", "sent", "status", "created"] as const;
/** The states that an account can be in and that a person looks for, in the order of the choice. */
export const STATUS = ["connected", "reconnect_required", "disconnected", "connecting", "paused"] as const;
/** The kinds of provider, with what people call them. */
export const PROVIDERS = {
  google: "Gmail",
  yahoo: "Yahoo",
  icloud: "iCloud",
  custom: "Custom SMTP",
  imap: "Other IMAP",
} as const;

/** A member is named by an id. */
const USER = /^(me|team|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** What narrows the list; the order does not. */
const NARROWING = ["search", "provider", "status", "user", "tag"] as const;

function userFrom(search: Record<string, unknown>): string | undefined {
  const user = textParam(search, "user");
  return user && USER.test(user) ? user : undefined;
}

/** The filter as the address bar has it, without what no filter knows. */
export function filterFrom(search: Record<string, unknown>): AccountFilter {
  const filter: AccountFilter = {
    search: textParam(search, "search"),
    sort: oneOf(search, "sort", SORTS),
    dir: oneOf(search, "dir", ["asc", "desc"] as const),
    provider: oneOf(search, "provider", Object.keys(PROVIDERS)),
    status: oneOf(search, "status", STATUS),
    user: userFrom(search),
    tag: textParam(search, "tag"),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** What the address bar of the list has: the filter, and what was done with many accounts and is looked at. */
export interface ListSearch extends AccountFilter {
  run?: string | undefined;
}

export function listFrom(search: Record<string, unknown>): ListSearch {
  const run = textParam(search, "run");
  return { ...filterFrom(search), ...(run && { run }) };
}

/** The part of a filter that says which accounts, without their order. */
export function narrowing(filter: AccountFilter): AccountFilter {
  return Object.fromEntries(NARROWING.flatMap((name) => (filter[name] ? [[name, filter[name]]] : [])));
}

export function isNarrowed(filter: AccountFilter): boolean {
  return NARROWING.some((name) => filter[name]);
}

/** What takes every narrowing off. */
export const EVERYTHING: AccountFilter = Object.fromEntries(NARROWING.map((name) => [name, undefined]));
