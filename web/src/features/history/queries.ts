import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { http, type Ok, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

export type SyncState = Ok<"/accounts/{id}/sync", "get">;
export type SyncRunPage = Ok<"/accounts/{id}/sync/runs", "get">;
export type SyncRun = SyncRunPage["items"][number];
export type FailedMessagePage = Ok<"/accounts/{id}/sync/failed", "get">;
export type FailedMessage = FailedMessagePage["items"][number];

export type Operations = Ok<"/accounts/{id}/operations", "get">;

const PAGE = 50;
/** A pass that found nothing new tells nobody; its time is asked for. */
const QUIET_MS = 60_000;

export const syncQuery = (id: string) =>
  queryOptions({
    queryKey: keys.sync(id, "state"),
    queryFn: () => unwrap(http.GET("/accounts/{id}/sync", { params: { path: { id } } })),
    refetchInterval: QUIET_MS,
  });

export const runsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: keys.sync(id, "runs"),
    queryFn: ({ pageParam: cursor }) =>
      unwrap(
        http.GET("/accounts/{id}/sync/runs", { params: { path: { id }, query: { cursor, limit: PAGE } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export const failedQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: keys.sync(id, "failed"),
    queryFn: ({ pageParam: cursor }) =>
      unwrap(
        http.GET("/accounts/{id}/sync/failed", { params: { path: { id }, query: { cursor, limit: PAGE } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export const operationsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.sync(id, "operations"),
    queryFn: () => unwrap(http.GET("/accounts/{id}/operations", { params: { path: { id } } })),
  });

/** The list of what the server refused was read. */
export function useForget(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: () => unwrap(http.DELETE("/accounts/{id}/operations", { params: { path: { id } } })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.sync(id, "operations") }),
  });
}

/** Asks once more for what the server refused. */
export function useRepeat(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (operation: string) =>
      unwrap(
        http.POST("/accounts/{id}/operations/{operation}/again", { params: { path: { id, operation } } }),
      ),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.sync(id, "operations") }),
  });
}

/** Asks for a pass; what it did is told by the live stream. */
export function useSyncNow(id: string) {
  return useAction({
    mutationFn: (compare: boolean) =>
      unwrap(http.POST("/accounts/{id}/sync", { params: { path: { id } }, body: { compare } })),
  });
}

export function useRetry(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (messages: { folder_id: string; uid: number }[] | undefined) =>
      unwrap(
        http.POST("/accounts/{id}/sync/failed/retry", {
          params: { path: { id } },
          body: messages ? { messages } : {},
        }),
      ),
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.syncAll(id) }),
  });
}
