/** Conversations: what is asked of the server, and which of the two lists of mail a person wants. */
import { useLocalStorage } from "@mantine/hooks";
import { type InfiniteData, infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import { http, type Thread, type ThreadList, type ThreadRow, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

const PAGE = 100;

const VIEWS = ["conversations", "messages"] as const;
export type View = (typeof VIEWS)[number];

/** Below the mail, so that what refreshes that refreshes these. Here, since the first page has room for none. */
export const threadLists = (accountId: string) => [...keys.mail(accountId), "threads"] as const;
export const openThreads = (accountId: string) => [...keys.mail(accountId), "thread"] as const;

/** The view that the address asks for, else the one that was chosen last in this browser. */
export function useView(asked: View | undefined): [View, (next: View) => void] {
  const [chosen, choose] = useLocalStorage<View>({
    key: "posthouse-mail-view",
    defaultValue: "conversations",
    getInitialValueInEffect: false,
  });
  const known = (of: string | undefined) => VIEWS.find((each) => each === of);
  return [known(asked) ?? known(chosen) ?? "conversations", choose];
}

export const threadListQuery = (accountId: string, folder: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...threadLists(accountId), folder ?? ""],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET("/accounts/{id}/threads", {
          params: { path: { id: accountId }, query: { folder, cursor: pageParam, limit: PAGE } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

/** The conversation of a message, page by page: one may have thousands of messages. */
export const threadQuery = (accountId: string, id: string) =>
  infiniteQueryOptions({
    queryKey: [...openThreads(accountId), id],
    queryFn: ({ pageParam, signal }) =>
      unwrap(http.GET("/threads/{id}", { params: { path: { id }, query: { cursor: pageParam } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

/** The message that a conversation is opened at. */
export const entrance = ({ unread_id, newest_id }: ThreadRow): string => unread_id ?? newest_id;

/** Shows a message's new flags at once in the conversations that are on screen; the live stream corrects them. */
export function placeInThreads(
  queryClient: QueryClient,
  accountId: string,
  id: string,
  flags: { seen?: boolean; flagged?: boolean },
): void {
  queryClient.setQueriesData<InfiniteData<Thread>>({ queryKey: openThreads(accountId) }, (now) => {
    if (!now) return now;
    const change = (each: Thread["messages"][number]) => (each.id === id ? { ...each, ...flags } : each);
    return { ...now, pages: now.pages.map((page) => ({ ...page, messages: page.messages.map(change) })) };
  });
  if (flags.seen !== true) return;
  queryClient.setQueriesData<InfiniteData<ThreadList>>({ queryKey: threadLists(accountId) }, (now) => {
    if (!now) return now;
    const change = (row: ThreadRow) =>
      row.unread_id === id && row.unread_count === 1 ? { ...row, unread_count: 0, unread_id: null } : row;
    return { ...now, pages: now.pages.map((page) => ({ ...page, items: page.items.map(change) })) };
  });
}
