import { createFileRoute, useLocation } from "@tanstack/react-router";
import { SetupPage } from "../features/session/SetupPage";
import { hashParam } from "../lib/params";

export const Route = createFileRoute("/setup")({
  component: () => <SetupPage token={hashParam(useLocation().hash, "token")} />,
});
