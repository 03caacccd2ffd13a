import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { http, type OwnerLinkRequest, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

/** Links that nobody used yet: of an account, or for new ones. */
export const openLinksQuery = (accountId: string | undefined) =>
  queryOptions({
    queryKey: keys.ownerLinks(accountId),
    queryFn: ({ signal }) =>
      unwrap(
        http.GET("/owner-links", { params: { query: accountId ? { account_id: accountId } : {} }, signal }),
      ),
  });

export function useMakeLink(accountId: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: () =>
      unwrap(http.POST("/accounts/{id}/owner-links", { params: { path: { id: accountId } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.ownerLinksAll }),
  });
}

export function useMakeNewLink() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: OwnerLinkRequest) => unwrap(http.POST("/owner-links", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.ownerLinksAll }),
  });
}

export function useRevoke() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (id: string) => unwrap(http.DELETE("/owner-links/{id}", { params: { path: { id } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.ownerLinksAll }),
  });
}

/** What a link is for. The server is asked by POST, which does not use it: it is no address that others may follow. */
export const lookQuery = (token: string) =>
  queryOptions({
    queryKey: keys.ownerLook(token),
    queryFn: ({ signal }) => unwrap(http.POST("/owner-links/look", { body: { token }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

const POLL_MS = 2_000;

/** How far the sign-in at the provider is. */
export const flowQuery = (token: string, flow: string) =>
  queryOptions({
    queryKey: keys.ownerFlow(flow),
    queryFn: ({ signal }) => unwrap(http.POST("/owner-links/flow", { body: { token, flow }, signal })),
    staleTime: 0,
    refetchInterval: ({ state }) =>
      state.data?.state === "done" || state.data?.state === "failed" || state.error ? false : POLL_MS,
  });
