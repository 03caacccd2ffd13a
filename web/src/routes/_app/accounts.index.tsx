import { createFileRoute } from "@tanstack/react-router";
import { AccountsPage } from "../../features/accounts/AccountsPage";
import { listFrom } from "../../features/accounts/filter";

export const Route = createFileRoute("/_app/accounts/")({
  validateSearch: listFrom,
  component: List,
});

function List() {
  const navigate = Route.useNavigate();
  return (
    <AccountsPage
      // What the router hands over still has what the address bar has besides.
      search={listFrom(Route.useSearch())}
      onChange={(change) =>
        void navigate({ search: (now) => listFrom({ ...now, ...change }), replace: true })
      }
    />
  );
}
