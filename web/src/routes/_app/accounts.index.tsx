import { createFileRoute } from "@tanstack/react-router";
import { AccountsPage } from "../../features/accounts/AccountsPage";
import { filterFrom } from "../../features/accounts/filter";

export const Route = createFileRoute("/_app/accounts/")({
  validateSearch: filterFrom,
  component: List,
});

function List() {
  const navigate = Route.useNavigate();
  return (
    <AccountsPage
      // What the router hands over still has what the address bar has besides.
      filter={filterFrom(Route.useSearch())}
      onChange={(change) =>
        void navigate({ search: (now) => filterFrom({ ...now, ...change }), replace: true })
      }
    />
  );
}
