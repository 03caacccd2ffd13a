import { createFileRoute, useLocation } from "@tanstack/react-router";
import { SignInPage } from "../features/session/SignInPage";
import { hashParam, textParam } from "../lib/params";

export const Route = createFileRoute("/sign-in")({
  validateSearch: (search): { next?: string | undefined } => ({ next: textParam(search, "next") }),
  component: SignIn,
});

function SignIn() {
  const { next } = Route.useSearch();
  const link = hashParam(useLocation().hash, "link");
  return <SignInPage link={link} next={next} />;
}
