/** The workspace's tags. */
import { queryOptions } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";

export const MAX_TAG = 40;
export const MAX_TAGS_ON_ACCOUNT = 50;

export const tagsQuery = queryOptions({
  queryKey: keys.tags,
  queryFn: () => unwrap(http.GET("/tags")),
});
