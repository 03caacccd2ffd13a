import { createFileRoute, redirect } from "@tanstack/react-router";
import { knownSession } from "../features/session/queries";
import { SignInPage } from "../features/session/SignInPage";
import { textParam } from "../lib/params";
import { safeReturnPath } from "../lib/paths";

export const Route = createFileRoute("/sign-in")({
  validateSearch: (search): { link?: string | undefined; next?: string | undefined } => ({
    link: textParam(search, "link"),
    next: textParam(search, "next"),
  }),
  beforeLoad: async ({ context, search }) => {
    // A link is for whom it was made for, whoever is signed in here.
    if (search.link || !(await knownSession(context.queryClient))) return;
    throw redirect({ href: safeReturnPath(search.next), replace: true });
  },
  component: SignIn,
});

function SignIn() {
  const { link, next } = Route.useSearch();
  return <SignInPage link={link} next={next} />;
}
