import { createFileRoute, useLocation } from "@tanstack/react-router";
import { ConnectPage } from "../features/owner/ConnectPage";
import { hashParam, textParam } from "../lib/params";

export const Route = createFileRoute("/connect")({
  validateSearch: (search): { flow?: string | undefined } => ({ flow: textParam(search, "flow") }),
  component: Connect,
});

function Connect() {
  const { flow } = Route.useSearch();
  const token = hashParam(useLocation().hash, "token");
  // A link that is opened in the same window is another one.
  return <ConnectPage key={token} token={token} flow={flow} />;
}
