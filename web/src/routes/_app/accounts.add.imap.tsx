import { createFileRoute } from "@tanstack/react-router";
import { ImapPage } from "../../features/connect/ImapPage";

export const Route = createFileRoute("/_app/accounts/add/imap")({ component: ImapPage });
