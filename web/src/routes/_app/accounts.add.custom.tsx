import { createFileRoute } from "@tanstack/react-router";
import { CustomPage } from "../../features/connect/CustomPage";

export const Route = createFileRoute("/_app/accounts/add/custom")({ component: CustomPage });
