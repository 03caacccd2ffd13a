import { createFileRoute } from "@tanstack/react-router";
import { ReconnectPage } from "../../features/connect/ReconnectPage";

export const Route = createFileRoute("/_app/accounts/$id/reconnect")({
  component: () => <ReconnectPage id={Route.useParams().id} />,
});
