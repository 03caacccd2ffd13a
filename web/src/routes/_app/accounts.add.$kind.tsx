import { createFileRoute, notFound } from "@tanstack/react-router";
import { KindPage } from "../../features/connect/KindPage";
import { kindFrom } from "../../features/connect/kinds";
import { providersQuery } from "../../features/connect/queries";
import { NotFound } from "../../features/frame/Fallbacks";

export const Route = createFileRoute("/_app/accounts/add/$kind")({
  loader: async ({ context, params }) => {
    const kind = kindFrom(params.kind);
    if (!kind) throw notFound();
    await context.queryClient.ensureQueryData(providersQuery);
    return kind;
  },
  // Inside of the frame: whoever followed an old link goes on from there.
  notFoundComponent: NotFound,
  component: () => <KindPage kind={Route.useLoaderData()} />,
});
