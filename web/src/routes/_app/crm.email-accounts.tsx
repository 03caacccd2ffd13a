import { createFileRoute } from "@tanstack/react-router";
import { AccountsPage } from "../../features/accounts/AccountsPage";
import { listFrom } from "../../features/accounts/filter";

export const Route = createFileRoute("/_app/crm/email-accounts")({
  validateSearch: listFrom,
  component: List,
});

function List() {
  const navigate = Route.useNavigate();
  return (
    <AccountsPage
      search={Route.useSearch()}
      onChange={(change) =>
        void navigate({ search: (now) => listFrom({ ...now, ...change }), replace: true })
      }
    />
  );
}
