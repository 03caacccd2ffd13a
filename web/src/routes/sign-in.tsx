import { createFileRoute, redirect, useLocation } from "@tanstack/react-router";
import { knownSession } from "../features/session/queries";
import { SignInPage } from "../features/session/SignInPage";
import { hashParam, textParam } from "../lib/params";
import { safeReturnPath } from "../lib/paths";

export const Route = createFileRoute("/sign-in")({
  validateSearch: (search): { next?: string | undefined } => ({ next: textParam(search, "next") }),
  beforeLoad: async ({ context, search, location }) => {
    // A link is for whom it was made for, whoever is signed in here.
    if (hashParam(location.hash, "link") || !(await knownSession(context.queryClient))) return;
    throw redirect({ href: safeReturnPath(search.next), replace: true });
  },
  component: SignIn,
});

function SignIn() {
  const { next } = Route.useSearch();
  const link = hashParam(useLocation().hash, "link");
  return <SignInPage link={link} next={next} />;
}
