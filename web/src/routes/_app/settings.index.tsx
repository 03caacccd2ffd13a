import { createFileRoute, redirect } from "@tanstack/react-router";
import { sessionQuery } from "../../features/session/queries";

/** The first page of the settings that the person may open. */
export const Route = createFileRoute("/_app/settings/")({
  beforeLoad: async ({ context }) => {
    const { role } = await context.queryClient.ensureQueryData(sessionQuery);
    throw redirect({
      to: role === "member" ? "/settings/notifications" : "/settings/providers",
      replace: true,
    });
  },
});
