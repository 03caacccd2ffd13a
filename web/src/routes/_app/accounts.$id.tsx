import { createFileRoute, notFound, Outlet, useMatches } from "@tanstack/react-router";
import { AccountLayout, type AccountTab } from "../../features/accounts/AccountLayout";
import { accountQuery } from "../../features/accounts/queries";
import { NotFound } from "../../features/frame/Fallbacks";
import { ids } from "../../lib/ids";

export const Route = createFileRoute("/_app/accounts/$id")({
  loader: ({ context, params }) => {
    if (!ids.is(params.id)) throw notFound();
    return context.queryClient.ensureQueryData(accountQuery(params.id));
  },
  // Inside of the frame.
  notFoundComponent: NotFound,
  component: Layout,
});

const TABS: [string, AccountTab][] = [
  ["/_app/accounts/$id/mail", "mail"],
  ["/_app/accounts/$id/outbox", "outbox"],
  ["/_app/accounts/$id/sync", "sync"],
  ["/_app/accounts/$id/settings", "settings"],
];

/** Pages that are reached from elsewhere, by name. */
const PAGES: [string, string][] = [
  ["/_app/accounts/$id/start", "Set up"],
  ["/_app/accounts/$id/reconnect", "Reconnect"],
  ["/_app/accounts/$id/ask", "Ask the owner"],
];

function Layout() {
  const { id } = Route.useParams();
  const matched = useMatches({ select: (matches) => matches.map((match) => match.routeId as string) });
  const tab = TABS.find(([route]) => matched.includes(route))?.[1];
  const page = PAGES.find(([route]) => matched.includes(route))?.[1];
  return (
    <AccountLayout
      id={id}
      tab={tab}
      page={page}
      reading={matched.includes("/_app/accounts/$id/mail/$messageId")}
    >
      <Outlet />
    </AccountLayout>
  );
}
