import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { http, type Outgoing, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

const PAGE = 50;
const FINAL: Outgoing["state"][] = ["sent", "failed", "cancelled", "uncertain"];

export function isFinal(state: Outgoing["state"]): boolean {
  return FINAL.includes(state);
}

export const outgoingListQuery = (accountId: string) =>
  infiniteQueryOptions({
    queryKey: keys.outgoingList(accountId),
    queryFn: ({ pageParam }) =>
      unwrap(
        http.GET("/accounts/{id}/outgoing", {
          params: { path: { id: accountId }, query: { cursor: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export const outgoingQuery = (id: string) =>
  queryOptions({
    queryKey: keys.outgoing(id),
    queryFn: () => unwrap(http.GET("/outgoing/{id}", { params: { path: { id } } })),
  });

export interface SendValues {
  to: string;
  subject: string;
  body: string;
}

/**
 * Hands a message over for sending. `key` belongs to one opened form: a second try after a lost answer is
 * recognised by the server and never sends twice. So `stop`, which only ends the waiting, is safe at any time.
 */
export function useSend(accountId: string) {
  const queryClient = useQueryClient();
  const waiting = useRef<AbortController>(undefined);
  const send = useAction({
    mutationFn: ({ key, values }: { key: string; values: SendValues }) => {
      waiting.current = new AbortController();
      return unwrap(
        http.POST("/accounts/{id}/outgoing", {
          params: { path: { id: accountId }, header: { "Idempotency-Key": key } },
          body: values,
          signal: waiting.current.signal,
        }),
      );
    },
    onSuccess: (outgoing) => {
      queryClient.setQueryData(keys.outgoing(outgoing.id), outgoing);
      return queryClient.invalidateQueries({ queryKey: keys.outgoingList(accountId) });
    },
  });
  return { ...send, stop: () => waiting.current?.abort() };
}

function useOutgoingAction<V = void>(call: (value: V) => Promise<Outgoing>) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: call,
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.outgoingAll }),
  });
}

export function useCancel(id: string) {
  return useOutgoingAction(() => unwrap(http.POST("/outgoing/{id}/cancel", { params: { path: { id } } })));
}

/** A person says what is known about an uncertain message. */
export function useResolve(id: string) {
  return useOutgoingAction((sent: boolean) =>
    unwrap(http.POST("/outgoing/{id}/resolve", { params: { path: { id } }, body: { sent } })),
  );
}
