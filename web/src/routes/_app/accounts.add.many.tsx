import { createFileRoute } from "@tanstack/react-router";
import { ManyPage } from "../../features/imports/ManyPage";

export const Route = createFileRoute("/_app/accounts/add/many")({ component: ManyPage });
