import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { http, patientHttp, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import type { components } from "../../api/schema";
import { useAction } from "../../ui/action";

/** How often a page looks whether an app got into trouble: the live stream tells of sign-ins only. */
const FAULTS_MS = 60_000;

export const oauthProvidersQuery = queryOptions({
  queryKey: keys.oauthProviders,
  queryFn: ({ signal }) => unwrap(http.GET("/oauth/providers", { signal })),
  refetchInterval: FAULTS_MS,
});

type NewApp = components["schemas"]["NewOAuthApp"];
type ChangedApp = components["schemas"]["ChangeOAuthApp"];

/** Apps are offered where accounts are connected, so both are fetched again. */
function useRefresh() {
  const queryClient = useQueryClient();
  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: keys.oauthProviders }),
      queryClient.invalidateQueries({ queryKey: keys.providers }),
    ]);
}

/** Adds an app, or changes the one with this id. */
export function usePutApp(id: string | undefined) {
  const refresh = useRefresh();
  return useAction({
    mutationFn: async (app: NewApp): Promise<unknown> => {
      if (!id) return unwrap(http.POST("/oauth/apps", { body: app }));
      const { provider: _, ...body }: NewApp = app;
      const change: ChangedApp = body;
      return unwrap(http.PATCH("/oauth/apps/{id}", { params: { path: { id } }, body: change }));
    },
    onSuccess: refresh,
  });
}

export function useRemoveApp(id: string) {
  const refresh = useRefresh();
  return useAction({
    mutationFn: () => unwrap(http.DELETE("/oauth/apps/{id}", { params: { path: { id } } })),
    onSuccess: refresh,
  });
}

/** Looks at an app as often as anybody asks: nothing changes by it. */
export function useCheckApp(provider: string, id: string | null) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(patientHttp.POST("/oauth/apps/check", { body: { provider, app_id: id } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.oauthProviders }),
  });
}
