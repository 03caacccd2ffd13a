import type { AccountFilter } from "../../api/keys";
import { oneOf, textParam } from "../../lib/params";

const SORTS = ["address", "provider", "user", "health", "sent", "status", "created"] as const;
/** The states that an account can be in and that a person looks for, in the order of the choice. */
export const STATUS = ["connected", "reconnect_required", "disconnected", "connecting"] as const;

const USERS = ["me", "team"] as const;

/** The filter as the address bar has it, without what no filter knows. */
export function filterFrom(search: Record<string, unknown>): AccountFilter {
  const filter: AccountFilter = {
    search: textParam(search, "search"),
    sort: oneOf(search, "sort", SORTS),
    dir: oneOf(search, "dir", ["asc", "desc"] as const),
    status: oneOf(search, "status", STATUS),
    user: oneOf(search, "user", USERS),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
