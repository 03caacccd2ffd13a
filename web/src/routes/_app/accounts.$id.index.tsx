import { createFileRoute, redirect } from "@tanstack/react-router";

export const Route = createFileRoute("/_app/accounts/$id/")({
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/accounts/$id/mail", params, replace: true });
  },
});
