import { createFileRoute } from "@tanstack/react-router";
import { ProviderPage } from "../../features/connect/ProviderPage";
import { providersQuery } from "../../features/connect/queries";

export const Route = createFileRoute("/_app/accounts/add/yahoo")({
  loader: ({ context }) => context.queryClient.ensureQueryData(providersQuery),
  component: () => <ProviderPage kind="yahoo" />,
});
