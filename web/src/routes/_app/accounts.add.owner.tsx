import { createFileRoute } from "@tanstack/react-router";
import { providersQuery } from "../../features/connect/queries";
import { NewLinkPage } from "../../features/owner/NewLinkPage";

export const Route = createFileRoute("/_app/accounts/add/owner")({
  loader: ({ context }) => context.queryClient.ensureQueryData(providersQuery),
  component: NewLinkPage,
});
