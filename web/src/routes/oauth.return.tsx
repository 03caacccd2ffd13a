import { createFileRoute, redirect } from "@tanstack/react-router";
import { ReturnPage } from "../features/connect/consent/ReturnPage";
import { knownSession } from "../features/session/queries";
import { textParam } from "../lib/params";

export const Route = createFileRoute("/oauth/return")({
  validateSearch: (search): { flow?: string | undefined; out?: string | undefined } => ({
    flow: textParam(search, "flow"),
    // Of somebody who signed out meanwhile.
    out: textParam(search, "out"),
  }),
  beforeLoad: async ({ context, location, search }) => {
    if (search.out || (await knownSession(context.queryClient))) return;
    throw redirect({ to: "/sign-in", search: { next: location.href }, replace: true });
  },
  component: () => <ReturnPage id={Route.useSearch().flow} out={Route.useSearch().out} />,
});
