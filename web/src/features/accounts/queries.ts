import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { type Account, type AccountList, http, unwrap } from "../../api/client";
import { type AccountFilter, keys } from "../../api/keys";
import type { paths } from "../../api/schema";
import { ApiError } from "../../lib/problem";

type ListQuery = NonNullable<paths["/accounts"]["get"]["parameters"]["query"]>;

/** Large enough that 10,000 accounts are fifty requests, small enough for one to be quick. */
const PAGE = 200;

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

/** Puts a newer state of one account into every list that shows it; `undefined` takes it out. */
export function placeAccount(
  pages: Pages | undefined,
  id: string,
  account: Account | undefined,
): Pages | undefined {
  if (!pages) return pages;
  let found = false;
  const next = pages.pages.map((page) => {
    if (!page.items.some((row) => row.id === id)) return page;
    found = true;
    const items = page.items.flatMap((row) => (row.id === id ? (account ? [account] : []) : [row]));
    return { ...page, items };
  });
  return found ? { ...pages, pages: next } : pages;
}

/**
 * Fetches one account again and shows it wherever it is listed. A list of thousands is not fetched again for
 * the change of one row.
 */
export async function refreshAccount(queryClient: QueryClient, id: string): Promise<void> {
  const place = (account: Account | undefined) =>
    queryClient.setQueriesData<Pages>({ queryKey: keys.accountLists }, (pages) =>
      placeAccount(pages, id, account),
    );
  try {
    place(await queryClient.fetchQuery({ ...accountQuery(id), staleTime: 0, retry: false }));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) place(undefined);
  }
}

export function useChangeAccount(id: string) {
  const queryClient = useQueryClient();
  return useMutation({
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
  return useMutation({
    mutationFn: () => unwrap(http.POST("/accounts/{id}/retry", { params: { path: { id } } })),
    onSuccess: () => refreshAccount(queryClient, id),
  });
}

export function useDeleteAccount(id: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (address: string) =>
      unwrap(http.DELETE("/accounts/{id}", { params: { path: { id } }, body: { address } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.accounts }),
  });
}
