import { createFileRoute } from "@tanstack/react-router";
import { AddPage } from "../../features/connect/AddPage";

export const Route = createFileRoute("/_app/accounts/add/")({ component: AddPage });
