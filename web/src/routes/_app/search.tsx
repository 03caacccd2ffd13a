import { createFileRoute } from "@tanstack/react-router";
import { SearchPage } from "../../features/mail/SearchPage";
import { textParam } from "../../lib/params";

export const Route = createFileRoute("/_app/search")({
  validateSearch: (search): { q?: string | undefined } => ({ q: textParam(search, "q") }),
  component: Search,
});

function Search() {
  const { q } = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <SearchPage
      q={q ?? ""}
      onSearch={(next) => void navigate({ search: { q: next || undefined }, replace: true })}
    />
  );
}
