import { queryOptions } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { streamDiscovery } from "../../api/streams";
import type { KnownKind } from "./kinds";

/** The kinds of accounts, with what to do at the provider first, and the apps that people sign in by. */
export const providersQuery = queryOptions({
  queryKey: keys.providers,
  queryFn: ({ signal }) => unwrap(http.GET("/providers", { signal })),
});

/** The servers of an address at a provider that we know. Nobody else is asked. */
export function serversQuery(kind: KnownKind, address: string) {
  return queryOptions({
    queryKey: keys.servers(kind, address),
    queryFn: async ({ signal }) => {
      const { found } = await streamDiscovery({ address, kind }, () => undefined, signal);
      return found[0] ?? null;
    },
    staleTime: Number.POSITIVE_INFINITY,
    // The address may be half typed: a refusal is no reason to ask again.
    retry: false,
  });
}
