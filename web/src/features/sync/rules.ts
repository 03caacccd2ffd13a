import { keepPreviousData, queryOptions, useQueryClient } from "@tanstack/react-query";
import { http, type Ok, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

export type Rules = Ok<"/accounts/{id}/rules", "get">;

export const rulesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.sync(id, "rules"),
    queryFn: () => unwrap(http.GET("/accounts/{id}/rules", { params: { path: { id } } })),
  });

const change = (id: string, exclude: string[], dry_run: boolean) =>
  unwrap(http.PATCH("/accounts/{id}/rules", { params: { path: { id } }, body: { exclude, dry_run } }));

/** What these patterns would do; the words of before stay until they come. */
export const triedRulesQuery = (id: string, exclude: string[]) =>
  queryOptions({
    queryKey: [...keys.sync(id, "rules"), exclude],
    queryFn: () => change(id, exclude, true),
    placeholderData: keepPreviousData,
    retry: false,
  });

export function useKeepRules(id: string) {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: (exclude: string[]) => change(id, exclude, false),
    onSuccess: (rules) => queryClient.setQueryData(keys.sync(id, "rules"), rules),
  });
}
