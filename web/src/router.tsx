import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { createRouter, type RouterHistory } from "@tanstack/react-router";
import { NotFound, PageFailed } from "./features/frame/Fallbacks";
import { ApiError, asApiError } from "./lib/problem";
import { routeTree } from "./routeTree.gen";

/** Answers that a second try can change: no connection, and faults of the server. */
function worthRetrying(failures: number, error: unknown): boolean {
  const { status, code } = asApiError(error);
  // Whoever waited for the whole limit is told, not made to wait again; and a fault of the page stays.
  return failures < 2 && (code === "unreachable" || status >= 500);
}

/** `history` is given by tests only; otherwise it is the browser's. */
export function createPage(history?: RouterHistory) {
  const onError = (error: unknown) => {
    if (!(error instanceof ApiError) || error.code !== "not_signed_in") return;
    const { pathname, href } = router.state.location;
    if (pathname === "/sign-in" || pathname === "/setup") return;
    queryClient.clear();
    void router.navigate({ to: "/sign-in", search: { next: href } });
  };
  const queryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: { retry: worthRetrying, staleTime: 30_000, refetchOnWindowFocus: true },
    },
  });
  const router = createRouter({
    routeTree,
    ...(history ? { history } : {}),
    context: { queryClient },
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: PageFailed,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
  return { router, queryClient };
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPage>["router"];
  }
}
