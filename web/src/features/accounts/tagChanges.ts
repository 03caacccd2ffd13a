/** What is done with tags. */
import { useQueryClient } from "@tanstack/react-query";
import { http, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

/** Everything that shows tags is a part of the accounts. */
function useAfter() {
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: keys.accounts });
}

export function useSetTags(id: string) {
  const after = useAfter();
  return useAction({
    mutationFn: (tags: string[]) =>
      unwrap(http.PUT("/accounts/{id}/tags", { params: { path: { id } }, body: { tags } })),
    onSuccess: after,
  });
}

export function useRenameTag(id: string) {
  const after = useAfter();
  return useAction({
    mutationFn: (name: string) =>
      unwrap(http.PATCH("/tags/{id}", { params: { path: { id } }, body: { name } })),
    onSuccess: after,
  });
}

export function useRemoveTag(id: string) {
  const after = useAfter();
  return useAction({
    mutationFn: () => unwrap(http.DELETE("/tags/{id}", { params: { path: { id } } })),
    onSuccess: after,
  });
}
