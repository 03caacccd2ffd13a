import { createFileRoute } from "@tanstack/react-router";
import { MessagePage } from "../../features/mail/MessagePage";

export const Route = createFileRoute("/_app/accounts/$id/mail/$messageId")({ component: Message });

function Message() {
  const { id, messageId } = Route.useParams();
  const { folder, q, all, view } = Route.useSearch();
  return <MessagePage accountId={id} messageId={messageId} folder={folder} q={q} all={all} view={view} />;
}
