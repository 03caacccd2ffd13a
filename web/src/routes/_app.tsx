import { createFileRoute, Outlet, redirect } from "@tanstack/react-router";
import { Shell } from "../features/frame/Shell";
import { SendPanelProvider } from "../features/send/SendPanelProvider";
import { sessionQuery } from "../features/session/queries";
import { ApiError } from "../lib/problem";

export const Route = createFileRoute("/_app")({
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      throw redirect({ to: "/sign-in", search: { next: location.href } });
    }
  },
  component: () => (
    <SendPanelProvider>
      <Shell>
        <Outlet />
      </Shell>
    </SendPanelProvider>
  ),
});
