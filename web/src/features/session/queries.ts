import { type QueryClient, queryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { http, type Session, unwrap } from "../../api/client";
import { keys } from "../../api/keys";
import { useAction } from "../../ui/action";

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => unwrap(http.GET("/session")),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Who is signed in already, if anybody. Asked apart from the cache, where a refusal means that a session ended. */
export async function knownSession(queryClient: QueryClient): Promise<Session | undefined> {
  const cached = queryClient.getQueryData(sessionQuery.queryKey);
  if (cached) return cached;
  const found = await unwrap(http.GET("/session")).catch(() => undefined);
  if (found) queryClient.setQueryData(sessionQuery.queryKey, found);
  return found;
}

export const setupQuery = queryOptions({
  queryKey: keys.setup,
  queryFn: () => unwrap(http.GET("/setup")),
  staleTime: 0,
});

/** Who is signed in. Only inside the frame, which loads it first. */
export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

/** Whether somebody rules the workspace. The server decides; this is for what a page offers. */
export function useAdmin(): boolean {
  return useSession().role !== "member";
}

export interface SetupValues {
  name: string;
  email: string;
  password: string;
  workspace_name: string;
  time_zone: string;
}

type SignIn =
  | { by: "password"; email: string; password: string }
  | { by: "link"; token: string }
  | { by: "setup"; token: string; values: SetupValues };

function begin(how: SignIn): Promise<Session> {
  switch (how.by) {
    case "password":
      return unwrap(http.POST("/session", { body: { email: how.email, password: how.password } }));
    case "link":
      return unwrap(http.POST("/session/link", { body: { token: how.token } }));
    case "setup":
      return unwrap(http.POST("/setup", { body: { token: how.token, ...how.values } }));
  }
}

/** Begins a session by any of the three ways; what an earlier one left in the cache is dropped. */
export function useBeginSession() {
  const queryClient = useQueryClient();
  return useAction({
    mutationFn: begin,
    onSuccess: (session) => {
      queryClient.clear();
      queryClient.setQueryData(keys.session, session);
    },
  });
}

export function useSignOut() {
  return useAction({
    mutationFn: () => unwrap(http.DELETE("/session")),
    // A full load: nothing of the session stays in memory.
    onSuccess: () => window.location.assign("/sign-in"),
  });
}
