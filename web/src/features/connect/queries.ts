import { queryOptions } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

/** The kinds of accounts, with what to do at the provider first, and the apps that people sign in by. */
export const providersQuery = queryOptions({
  queryKey: keys.providers,
  queryFn: ({ signal }) => unwrap(http.GET("/providers", { signal })),
});
