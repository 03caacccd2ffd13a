import { createFileRoute } from "@tanstack/react-router";
import { SetupPage } from "../features/session/SetupPage";
import { textParam } from "../lib/params";

export const Route = createFileRoute("/setup")({
  validateSearch: (search): { token?: string | undefined } => ({ token: textParam(search, "token") }),
  component: () => <SetupPage token={Route.useSearch().token} />,
});
