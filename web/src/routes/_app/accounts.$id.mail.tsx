import { createFileRoute, Outlet, useMatch } from "@tanstack/react-router";
import { MailPage } from "../../features/mail/MailPage";
import type { View } from "../../features/mail/threads";
import { ids } from "../../lib/ids";
import { textParam } from "../../lib/params";

export const Route = createFileRoute("/_app/accounts/$id/mail")({
  validateSearch: (
    search,
  ): {
    folder?: string | undefined;
    q?: string | undefined;
    all?: boolean | undefined;
    view?: View | undefined;
  } => ({
    folder: textParam(search, "folder"),
    q: textParam(search, "q"),
    all: search.all === true || undefined,
    // Whether it is one of them is asked where it is used: this is part of the first page.
    view: textParam(search, "view") as View | undefined,
  }),
  component: Mail,
});

function Mail() {
  const { id } = Route.useParams();
  const { folder, q, view } = Route.useSearch();
  const navigate = Route.useNavigate();
  const open = useMatch({ from: "/_app/accounts/$id/mail/$messageId", shouldThrow: false });
  return (
    <MailPage
      accountId={id}
      folder={folder}
      openId={open && ids.is(open.params.messageId) ? open.params.messageId : undefined}
      q={q ?? ""}
      view={view}
      onFolder={(next) =>
        void navigate({ to: "/accounts/$id/mail", params: { id }, search: { folder: next, q, view } })
      }
      onSearch={(next) =>
        void navigate({
          to: "/accounts/$id/mail",
          params: { id },
          search: { folder, q: next || undefined, view },
          replace: true,
        })
      }
      onView={() => void navigate({ to: "/accounts/$id/mail", params: { id }, search: { folder, q } })}
    >
      <Outlet />
    </MailPage>
  );
}
