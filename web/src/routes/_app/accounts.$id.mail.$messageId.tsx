import { createFileRoute, notFound } from "@tanstack/react-router";
import { NotFound } from "../../features/frame/Fallbacks";
import { MessagePage } from "../../features/mail/MessagePage";
import { ids } from "../../lib/ids";

export const Route = createFileRoute("/_app/accounts/$id/mail/$messageId")({
  loader: ({ params }) => {
    if (!ids.is(params.messageId)) throw notFound();
  },
  notFoundComponent: NotFound,
  component: Message,
});

function Message() {
  const { id, messageId } = Route.useParams();
  const { folder, q, all, view } = Route.useSearch();
  return <MessagePage accountId={id} messageId={messageId} folder={folder} q={q} all={all} view={view} />;
}
