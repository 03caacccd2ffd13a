import { createFileRoute, Outlet, useMatch } from "@tanstack/react-router";
import { MailPage } from "../../features/mail/MailPage";
import { textParam } from "../../lib/params";

export const Route = createFileRoute("/_app/accounts/$id/mail")({
  validateSearch: (
    search,
  ): { folder?: string | undefined; q?: string | undefined; all?: boolean | undefined } => ({
    folder: textParam(search, "folder"),
    q: textParam(search, "q"),
    all: search.all === true || undefined,
  }),
  component: Mail,
});

function Mail() {
  const { id } = Route.useParams();
  const { folder, q } = Route.useSearch();
  const navigate = Route.useNavigate();
  const open = useMatch({ from: "/_app/accounts/$id/mail/$messageId", shouldThrow: false });
  return (
    <MailPage
      accountId={id}
      folder={folder}
      openId={open?.params.messageId}
      q={q ?? ""}
      onFolder={(next) =>
        void navigate({ to: "/accounts/$id/mail", params: { id }, search: { folder: next, q } })
      }
      onSearch={(next) =>
        void navigate({
          to: "/accounts/$id/mail",
          params: { id },
          search: { folder, q: next || undefined },
          replace: true,
        })
      }
    >
      <Outlet />
    </MailPage>
  );
}
