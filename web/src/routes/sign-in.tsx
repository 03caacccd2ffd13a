import { createFileRoute } from "@tanstack/react-router";
import { SignInPage } from "../features/session/SignInPage";
import { textParam } from "../lib/params";

export const Route = createFileRoute("/sign-in")({
  validateSearch: (search): { link?: string | undefined; next?: string | undefined } => ({
    link: textParam(search, "link"),
    next: textParam(search, "next"),
  }),
  component: SignIn,
});

function SignIn() {
  const { link, next } = Route.useSearch();
  return <SignInPage link={link} next={next} />;
}
