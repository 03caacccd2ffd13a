import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useQueryClient,
} from "@tanstack/react-query";
import { type Account, type AccountList, http, unwrap } from "../../api/client";
import { type AccountFilter, keys } from "../../api/keys";
import { lookAgain, whenAnswered } from "../../api/lookAgain";
import type { paths } from "../../api/schema";
import { isGone } from "../../lib/problem";
import { useAction } from "../../ui/action";

type ListQuery = NonNullable<paths["/accounts"]["get"]["parameters"]["query"]>;

/** Large enough that 10,000 accounts are a hundred requests, small enough for one to be quick. */
const PAGE = 100;

export const accountListQuery = (filter: AccountFilter) =>
  infiniteQueryOptions({
    queryKey: keys.accountList(filter),
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET("/accounts", {
          params: { query: { ...filter, limit: PAGE, cursor: pageParam } as ListQuery },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

export const accountSearchQuery = (search: string) =>
  queryOptions({
    queryKey: [...keys.accounts, "find", search],
    queryFn: ({ signal }) =>
      unwrap(http.GET("/accounts", { params: { query: { search, limit: 8 } }, signal })),
  });

export const summaryQuery = queryOptions({
  queryKey: keys.accountSummary,
  queryFn: () => unwrap(http.GET("/accounts/summary")),
});

/** Members who have accounts. */
export const accountUsersQuery = queryOptions({
  queryKey: keys.accountUsers,
  queryFn: () => unwrap(http.GET("/accounts/users")),
});

export const accountQuery = (id: string) =>
  queryOptions({
    queryKey: keys.account(id),
    queryFn: () => unwrap(http.GET("/accounts/{id}", { params: { path: { id } } })),
  });

export const closingQuery = (id: string) =>
  queryOptions({
    queryKey: keys.closing(id),
    queryFn: () => unwrap(http.GET("/accounts/{id}/closing", { params: { path: { id } } })),
    staleTime: 0,
    gcTime: 0,
  });

type Pages = InfiniteData<AccountList, string | undefined>;

function listed(pages: Pages | undefined, id: string): boolean {
  return pages?.pages.some((page) => page.items.some((row) => row.id === id)) ?? false;
}

/** Puts a newer state of one account into a list that shows it; `undefined` takes it out. */
export function placeAccount(
  pages: Pages | undefined,
  id: string,
  account: Account | undefined,
): Pages | undefined {
  if (!pages || !listed(pages, id)) return pages;
  const place = (row: AccountList["items"][number]) => (row.id === id ? (account ? [account] : []) : [row]);
  return {
    ...pages,
    pages: pages.pages.map((page) => ({
      ...page,
      items: page.items.flatMap(place),
      total: account || page.total == null ? page.total : page.total - 1,
    })),
  };
}

async function fetchAccount(queryClient: QueryClient, id: string): Promise<Account> {
  const query = accountQuery(id);
  // A request that began before the change would answer with what was. (`refetchQueries` would end it too, but cannot
  // fetch what was only ever put into the cache.)
  await queryClient.cancelQueries({ queryKey: query.queryKey, exact: true });
  return queryClient.fetchQuery({ ...query, staleTime: 0 });
}

/**
 * Fetches one account again and shows it wherever it is on screen. A list of thousands is not fetched again for
 * the change of one row.
 */
export async function refreshAccount(queryClient: QueryClient, id: string): Promise<void> {
  // Their answers would overwrite what is put into them here.
  void whenAnswered(queryClient, { queryKey: keys.accountLists });
  const lists = queryClient.getQueriesData<Pages>({ queryKey: keys.accountLists });
  const changeable = ({ status, tag }: AccountFilter) => Boolean(status || tag);
  const byStatus = lists.some(([key]) => changeable(filterOf(key)));
  const shown = queryClient.getQueryData(keys.account(id)) || lists.some(([, pages]) => listed(pages, id));
  if (!shown && !byStatus) return;
  let account: Account | undefined;
  try {
    account = await fetchAccount(queryClient, id);
  } catch (error) {
    // Its own pages see the answer too, and say that it was deleted.
    if (!isGone(error)) return;
  }
  for (const [queryKey, pages] of queryClient.getQueriesData<Pages>({ queryKey: keys.accountLists })) {
    const filter = filterOf(queryKey);
    const fits = account !== undefined && stillFits(account, filter);
    if (listed(pages, id)) {
      queryClient.setQueryData<Pages>(queryKey, placeAccount(pages, id, fits ? account : undefined));
    } else if (changeable(filter) && fits) {
      void queryClient.invalidateQueries({ queryKey, exact: true });
    }
  }
}

/** Whether what can change by itself, or by others, still is what the list asks for. */
function stillFits(account: Account, { status, tag }: AccountFilter): boolean {
  const tagged = !tag || account.tags.some((name) => name.toLowerCase() === tag.toLowerCase());
  return tagged && (!status || status === account.status);
}

function filterOf(listKey: readonly unknown[]): AccountFilter {
  return listKey[2] as AccountFilter;
}

/** Fetches the figures again; when an account came or went, the lists too. */
export async function refreshSummary(queryClient: QueryClient): Promise<void> {
  const total = () => queryClient.getQueryData(summaryQuery.queryKey)?.total;
  const before = total();
  await lookAgain(queryClient, { queryKey: keys.accountSummary });
  if (before !== total()) await queryClient.invalidateQueries({ queryKey: keys.accountLists });
}

export function useChangeAccount(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (change: { display_name: string; provider_name: string }) =>
      unwrap(http.PATCH("/accounts/{id}", { params: { path: { id } }, body: change })),
    onSuccess: (account) => {
      queryClient.setQueryData(keys.account(id), account);
      return queryClient.invalidateQueries({ queryKey: keys.accountLists });
    },
  });
}

export function useRetryNow(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: () => unwrap(http.POST("/accounts/{id}/retry", { params: { path: { id } } })),
    onSuccess: () => refreshAccount(queryClient, id),
  });
}

/** Pauses an account, or lets it work again. */
export function usePause(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (pause: boolean) => {
      const params = { path: { id } };
      return unwrap(
        pause
          ? http.POST("/accounts/{id}/pause", { params })
          : http.POST("/accounts/{id}/resume", { params }),
      );
    },
    onSuccess: async (account) => {
      queryClient.setQueryData(keys.account(id), account);
      await refreshAccount(queryClient, id);
      await queryClient.invalidateQueries({ queryKey: keys.accountSummary });
    },
  });
}

export function useDeleteAccount(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (address: string) =>
      unwrap(http.DELETE("/accounts/{id}", { params: { path: { id } }, body: { address } })),
    // Not the account itself, which is gone.
    onSuccess: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: keys.accountLists }),
        queryClient.invalidateQueries({ queryKey: keys.accountSummary }),
      ]),
  });
}
