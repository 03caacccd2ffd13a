import { Notifications } from "@mantine/notifications";
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, Outlet } from "@tanstack/react-router";
import { NotFound } from "../features/frame/Fallbacks";
import { StillWaiting } from "../features/frame/StillWaiting";

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  notFoundComponent: () => (
    <main>
      <NotFound />
    </main>
  ),
  component: () => (
    <>
      <Outlet />
      <StillWaiting />
      <Notifications position="bottom-right" />
    </>
  ),
});
