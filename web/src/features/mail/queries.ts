import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { http, type Message, type MessageList, type MessageRow, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { SCOPE } from "./acting";
import { placeInThreads } from "./threads";

const PAGE = 100;

export const foldersQuery = (accountId: string) =>
  queryOptions({
    queryKey: keys.folders(accountId),
    queryFn: () => unwrap(http.GET("/accounts/{id}/folders", { params: { path: { id: accountId } } })),
  });

export const messageListQuery = (accountId: string, folder: string | undefined) =>
  infiniteQueryOptions({
    queryKey: keys.messages(accountId, folder),
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET("/accounts/{id}/messages", {
          params: { path: { id: accountId }, query: { folder, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export const messageQuery = (id: string) =>
  queryOptions({
    queryKey: keys.message(id),
    queryFn: () => unwrap(http.GET("/messages/{id}", { params: { path: { id } } })),
  });

type Flags = { seen?: boolean; flagged?: boolean };

/** Shows new flags at once, in the message and in every list; the server's answer or the live stream corrects them. */
function place(queryClient: QueryClient, accountId: string, id: string, flags: Flags): void {
  queryClient.setQueryData<Message>(keys.message(id), (now) => now && { ...now, ...flags });
  placeInThreads(queryClient, accountId, id, flags);
  queryClient.setQueriesData<InfiniteData<MessageList>>({ queryKey: keys.messageLists(accountId) }, (now) => {
    if (!now) return now;
    const change = (row: MessageRow) => (row.id === id ? { ...row, ...flags } : row);
    return { ...now, pages: now.pages.map((page) => ({ ...page, items: page.items.map(change) })) };
  });
}

export function useSetFlags(accountId: string, id: string) {
  const queryClient = useQueryClient();
  return useMutation({
    scope: SCOPE,
    mutationFn: (flags: Flags) =>
      unwrap(http.PATCH("/messages/{id}", { params: { path: { id } }, body: flags })),
    onMutate: (flags) => place(queryClient, accountId, id, flags),
    onSuccess: ({ seen, flagged }) => {
      place(queryClient, accountId, id, { seen, flagged });
      return queryClient.invalidateQueries({ queryKey: keys.folders(accountId) });
    },
    onError: () => {
      void queryClient.invalidateQueries({ queryKey: keys.message(id) });
      void queryClient.invalidateQueries({ queryKey: keys.messageLists(accountId) });
    },
  });
}
