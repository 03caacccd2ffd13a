import { queryOptions, useQuery } from "@tanstack/react-query";
import { type ConsentFlow, http, type OAuthChoice, type ProviderKind, unwrap } from "../../../api/client";
import { keys } from "../../../api/keys";
import { isGone } from "../../../lib/problem";
import { providersQuery } from "../queries";

/** The live stream tells at once; this is for when it is broken, and for sign-ins that run out. */
const POLL_MS = 4_000;

export function ended(flow: ConsentFlow | undefined): boolean {
  return flow?.state === "done" || flow?.state === "failed";
}

/** How far a sign-in is. */
export const flowQuery = (id: string) =>
  queryOptions({
    queryKey: keys.flow(id),
    queryFn: ({ signal }) => unwrap(http.GET("/oauth/flows/{id}", { params: { path: { id } }, signal })),
    staleTime: 0,
    refetchInterval: ({ state }) => (ended(state.data) || isGone(state.error) ? false : POLL_MS),
    // The window with the provider's page hides this one.
    refetchIntervalInBackground: true,
  });

/** Providers that people of this kind of account sign in to, by an app that there is. */
export function usableChoice(choices: OAuthChoice[] | undefined): OAuthChoice | undefined {
  return choices?.find(({ apps }) => apps.length > 0);
}

/** What is known of the providers of a kind; undefined also while it is on its way. */
export function useChoices(kind: ProviderKind): OAuthChoice[] | undefined {
  return useQuery(providersQuery).data?.items.find((card) => card.kind === kind)?.oauth;
}

/** A provider's name for people. */
export function useProviderLabel(provider: string | undefined): string {
  const { data } = useQuery(providersQuery);
  const choices = data?.items.flatMap((card) => card.oauth);
  return choices?.find((choice) => choice.provider === provider)?.label ?? "the provider";
}
