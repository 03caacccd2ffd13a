import { useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import {
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
  spotlight,
} from "@mantine/spotlight";
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconMail,
  IconMailSearch,
  IconMoon,
  IconPlus,
  IconSettings,
  IconSun,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { AccountRow } from "../../api/client";
import { Icon } from "../../ui/Icon";
import { sizes } from "../../ui/theme";
import { accountSearchQuery } from "../accounts/queries";
import { useAdmin } from "../session/queries";
import { useAccountCommands } from "./accountCommands";
import { markFirst } from "./typedAhead";

type Props = {
  asked: number;
  query: string;
  onQuery: (query: string) => void;
  onShortcuts: () => void;
};

/** Ctrl K: go anywhere, do anything, find an account by a part of its address. Opens whenever `asked` grows. */
export default function Palette({ asked, query, onQuery, onShortcuts }: Props) {
  const navigate = useNavigate();
  const admin = useAdmin();
  const here = useAccountCommands();
  const { setColorScheme } = useMantineColorScheme();
  useEffect(() => {
    if (asked > 0) spotlight.open();
  }, [asked]);
  const [search] = useDebouncedValue(query.trim(), 150);
  const found = useQuery({
    ...accountSearchQuery(search),
    enabled: search !== "",
    placeholderData: keepPreviousData,
  });
  const typed = query.trim();
  // When the accounts are known: Enter means the first line, and an account comes before a search.
  const settled = search === typed && !found.isPending && !found.isPlaceholderData;
  // Enter before there was a line: means the first one of the answer.
  const entered = useRef("");

  // biome-ignore lint/correctness/useExhaustiveDependencies: each new list is looked at once
  useEffect(() => {
    const first = markFirst();
    if (!settled || !typed || entered.current !== typed) return;
    entered.current = "";
    first?.click();
  }, [query, settled, found.data]);

  const matching = (action: SpotlightActionData) => action.label?.toLowerCase().includes(typed.toLowerCase());
  const commands: SpotlightActionData[] = [
    {
      id: "accounts",
      label: "Go to accounts",
      leftSection: <Icon of={IconMail} />,
      onClick: () => void navigate({ to: "/accounts" }),
    },
    {
      id: "search",
      label: "Search all mail",
      leftSection: <Icon of={IconMailSearch} />,
      onClick: () => void navigate({ to: "/search" }),
    },
    {
      id: "connect",
      label: "Connect email",
      leftSection: <Icon of={IconPlus} />,
      onClick: () => void navigate({ to: "/accounts/add" }),
    },
    ...(admin
      ? [
          {
            id: "providers",
            label: "Settings: providers",
            leftSection: <Icon of={IconSettings} />,
            onClick: () => void navigate({ to: "/settings/providers" }),
          },
        ]
      : []),
    {
      id: "notifications",
      label: "Settings: notifications",
      leftSection: <Icon of={IconSettings} />,
      onClick: () => void navigate({ to: "/settings/notifications" }),
    },
    {
      id: "light",
      label: "Light appearance",
      leftSection: <Icon of={IconSun} />,
      onClick: () => setColorScheme("light"),
    },
    {
      id: "dark",
      label: "Dark appearance",
      leftSection: <Icon of={IconMoon} />,
      onClick: () => setColorScheme("dark"),
    },
    {
      id: "auto",
      label: "Appearance like the system",
      leftSection: <Icon of={IconDeviceDesktop} />,
      onClick: () => setColorScheme("auto"),
    },
    {
      id: "keys",
      label: "Keyboard shortcuts",
      leftSection: <Icon of={IconKeyboard} />,
      onClick: onShortcuts,
    },
  ];
  // Until the answer is there only those of the last answer that what is typed still means: the first letter of “ben” finds Ana, too.
  const meant = ({ address, display_name }: AccountRow) =>
    settled || `${display_name}\n${address}`.toLowerCase().includes(typed.toLowerCase());
  const accounts: SpotlightActionData[] =
    search === ""
      ? []
      : (found.data?.items ?? []).filter(meant).map((account) => ({
          id: account.id,
          label: account.display_name || account.address,
          description: account.address,
          leftSection: <Icon of={IconMail} />,
          onClick: () => void navigate({ to: "/accounts/$id/mail", params: { id: account.id } }),
        }));
  const mail: SpotlightActionData[] =
    typed === "" || !settled
      ? []
      : [
          {
            id: "search for",
            label: `Search all mail for “${typed}”`,
            leftSection: <Icon of={IconMailSearch} />,
            onClick: () => void navigate({ to: "/search", search: { q: typed } }),
          },
        ];
  const groups: SpotlightActionGroupData[] = [
    ...(here ? [{ group: here.group, actions: here.actions.filter(matching) }] : []),
    { group: "Commands", actions: commands.filter(matching) },
    { group: "Accounts", actions: accounts },
    { group: "Mail", actions: mail },
  ].filter((each) => each.actions.length > 0);
  return (
    <Spotlight
      actions={groups}
      // Commands are filtered above; accounts by the server.
      filter={(_, actions) => actions}
      query={query}
      onQueryChange={onQuery}
      shortcut={null}
      nothingFound="Searching accounts"
      attributes={{ content: { "aria-label": "Find and do" } }}
      searchProps={{
        placeholder: "Find an account or a command",
        "aria-label": "Find an account or a command",
        // Before Spotlight acts on it: Enter means the first line also when the list came after the last key.
        onKeyDown: (event) => {
          if (event.key === "Enter" && !markFirst()) entered.current = typed;
        },
      }}
      scrollable
      // What scrolls can be reached without a mouse.
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      maxHeight={sizes.paletteHeight}
      overlayProps={{ backgroundOpacity: 0.4, blur: 0 }}
      transitionProps={{ duration: 100 }}
    />
  );
}
