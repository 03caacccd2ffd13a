import { createFileRoute } from "@tanstack/react-router";
import { AccountSettings } from "../../features/accounts/AccountSettings";

export const Route = createFileRoute("/_app/accounts/$id/settings")({
  component: () => <AccountSettings id={Route.useParams().id} />,
});
