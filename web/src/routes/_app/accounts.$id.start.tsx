import { createFileRoute } from "@tanstack/react-router";
import { StartPage } from "../../features/sync/StartPage";

export const Route = createFileRoute("/_app/accounts/$id/start")({
  component: () => <StartPage id={Route.useParams().id} />,
});
