import { infiniteQueryOptions } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

const PAGE = 20;

/** The newest notices, with how many were not read: the bell and the list are one answer. */
export const noticesQuery = infiniteQueryOptions({
  queryKey: keys.noticeList,
  queryFn: ({ pageParam, signal }) =>
    unwrap(http.GET("/notices", { params: { query: { cursor: pageParam, limit: PAGE } }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});
