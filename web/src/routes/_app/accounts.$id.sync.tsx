import { createFileRoute } from "@tanstack/react-router";
import { SyncPage } from "../../features/history/SyncPage";

export const Route = createFileRoute("/_app/accounts/$id/sync")({
  component: () => <SyncPage accountId={Route.useParams().id} />,
});
