import { createFileRoute } from "@tanstack/react-router";
import { AskOwnerPage } from "../../features/owner/AskOwnerPage";

export const Route = createFileRoute("/_app/accounts/$id/ask")({
  component: () => <AskOwnerPage id={Route.useParams().id} />,
});
