import { notifications } from "@mantine/notifications";
import type { SpotlightActionData, SpotlightActionGroupData } from "@mantine/spotlight";
import { IconListCheck, IconMail, IconRefresh, IconSend, IconSettings } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { asApiError } from "../../lib/problem";
import { Icon } from "../../ui/Icon";
import { accountQuery } from "../accounts/queries";
import { useSyncNow } from "../history/queries";

const PAGES = [
  { to: "/accounts/$id/mail", label: "Email list", icon: IconMail },
  { to: "/accounts/$id/outbox", label: "Outbox", icon: IconSend },
  { to: "/accounts/$id/sync", label: "Sync", icon: IconRefresh },
  { to: "/accounts/$id/settings", label: "Account settings", icon: IconSettings },
] as const;

/** What can be done with the account whose page is open; nothing on other pages. */
export function useAccountCommands(): SpotlightActionGroupData | undefined {
  const { id = "" } = useParams({ strict: false });
  const navigate = useNavigate();
  const { data: account } = useQuery({ ...accountQuery(id), enabled: id !== "" });
  const { mutate: sync } = useSyncNow(id);
  if (!account) return undefined;
  const params = { id };
  const ask = (compare: boolean) => {
    void navigate({ to: "/accounts/$id/sync", params });
    sync(compare, {
      onSuccess: () =>
        notifications.show({
          message: compare
            ? "Every folder is being compared with the server."
            : "Every folder is being looked at.",
        }),
      onError: (error) => notifications.show({ color: "red", message: asApiError(error).message }),
    });
  };
  const pages: SpotlightActionData[] = PAGES.map(({ to, label, icon }) => ({
    id: to,
    label,
    leftSection: <Icon of={icon} />,
    onClick: () => void navigate({ to, params }),
  }));
  const asked: SpotlightActionData[] = [
    {
      id: "sync now",
      label: "Sync now",
      leftSection: <Icon of={IconRefresh} />,
      onClick: () => ask(false),
    },
    {
      id: "check completeness",
      label: "Check completeness",
      leftSection: <Icon of={IconListCheck} />,
      onClick: () => ask(true),
    },
  ];
  return { group: account.address, actions: account.can_use ? [...pages, ...asked] : pages };
}
