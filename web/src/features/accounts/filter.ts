import type { AccountFilter } from "../../api/keys";
import { oneOf, textParam } from "../../lib/params";

const SORTS = ["address", "provider", "user", "health", "sent", "status", "created"] as const;
const STATUS = [
  "connecting",
  "connected",
  "disconnected",
  "reconnect_required",
  "paused",
  "not_set_up",
] as const;

/** The filter as the address bar has it. */
export function filterFrom(search: Record<string, unknown>): AccountFilter {
  const filter: AccountFilter = {
    search: textParam(search, "search"),
    sort: oneOf(search, "sort", SORTS),
    dir: oneOf(search, "dir", ["asc", "desc"] as const),
    status: oneOf(search, "status", STATUS),
    provider: textParam(search, "provider"),
    user: textParam(search, "user"),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
