import { createFileRoute } from "@tanstack/react-router";
import { OutboxPage } from "../../features/send/OutboxPage";
import { textParam } from "../../lib/params";

export const Route = createFileRoute("/_app/accounts/$id/outbox")({
  validateSearch: (search): { entry?: string | undefined } => ({ entry: textParam(search, "entry") }),
  component: Outbox,
});

function Outbox() {
  const { id } = Route.useParams();
  return <OutboxPage accountId={id} entry={Route.useSearch().entry} />;
}
