import { ActionIcon, Box, Burger, Group, Stack, Text } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconMail, IconSearch, IconSettings } from "@tabler/icons-react";
import { useLocation, useNavigate, useRouter, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { Mark } from "../../ui/Brand";
import { Icon } from "../../ui/Icon";
import { SideLink } from "../../ui/links";
import { loadParts, part } from "../../ui/part";
import { useShortcuts } from "../../ui/shortcuts";
import { media } from "../../ui/theme";
import { useAdmin, useSession } from "../session/queries";
import { OfflineBanner } from "./OfflineBanner";
import classes from "./Shell.module.css";
import { takeKeys } from "./typedAhead";
import { UserMenu } from "./UserMenu";

const CheatSheet = part(() => import("./CheatSheet"));
const MenuDrawer = part(() => import("./MenuDrawer"));
const NoticeBell = part(() => import("../notices/NoticeBell"));
const Palette = part(() => import("./Palette"));

/** Sidebar, shortcuts, palette and live stream around every page of a signed-in person. */
export function Shell({ children }: { children: ReactNode }) {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const compact = useMediaQuery(media.compact, undefined, { getInitialValueInEffect: false });
  const [menu, { open: openMenu, close: closeMenu }] = useDisclosure();
  const [cheatSheet, { open: openCheatSheet, close: closeCheatSheet }] = useDisclosure();
  const ready = useWholePage();
  const { asked, query, setQuery, palette, openPalette, closePalette } = usePalette(ready);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu that led to it
  useEffect(closeMenu, [pathname]);
  useShortcuts([
    { keys: "?", label: "Show this list", group: "Everywhere", run: openCheatSheet },
    {
      keys: "g a",
      label: "Go to accounts",
      group: "Everywhere",
      run: () => void navigate({ to: "/accounts" }),
    },
  ]);

  // On small screens the bell is in the bar above, where it is seen.
  const sidebar = (
    <Sidebar
      bell={!compact && <NoticeBell onMissing={nothing} />}
      onSearch={openPalette}
      onShortcuts={openCheatSheet}
    />
  );
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      {compact ? (
        <div className={classes.topbar}>
          <Burger
            opened={menu}
            onClick={openMenu}
            size="sm"
            aria-label="Open the menu"
            className={classes.burger}
          />
          <Workspace />
          <Group gap="sm" wrap="nowrap" ml="auto">
            <NoticeBell compact onMissing={nothing} />
            <ActionIcon variant="subtle" color="gray" onClick={openPalette} aria-label="Find and do">
              <Icon of={IconSearch} />
            </ActionIcon>
          </Group>
        </div>
      ) : (
        <aside className={classes.sidebar}>{sidebar}</aside>
      )}
      {compact && menu && (
        <MenuDrawer onClose={closeMenu} onMissing={closeMenu}>
          {sidebar}
        </MenuDrawer>
      )}
      <main className={classes.main} id="main" tabIndex={-1}>
        <Turning />
        <OfflineBanner />
        {children}
      </main>
      {cheatSheet && <CheatSheet onClose={closeCheatSheet} onMissing={closeCheatSheet} />}
      {palette && (
        <Palette
          asked={asked}
          query={query}
          onQuery={setQuery}
          onShortcuts={openCheatSheet}
          onMissing={closePalette}
        />
      )}
    </div>
  );
}

/** A bell that could not be fetched is asked for again with the next page that is loaded. */
const nothing = () => undefined;

/** Runs once the browser has nothing better to do. */
function whenIdle(run: () => void): () => void {
  // Safari has no idle callback.
  if (!window.requestIdleCallback) {
    const timer = setTimeout(run, 1_000);
    return () => clearTimeout(timer);
  }
  const handle = window.requestIdleCallback(run);
  return () => window.cancelIdleCallback(handle);
}

/** A line above the page while the next one is on its way. */
function Turning() {
  const turning = useRouterState({ select: ({ isLoading }) => isLoading });
  if (!turning) return null;
  return <div className={classes.turning} role="progressbar" aria-label="Loading the page" />;
}

/**
 * Fetches the scripts of all pages and dialogs once the browser has nothing better to do: what was fetched cannot be
 * missing when the server is away or was upgraded. Whether all dialogs are there.
 */
function useWholePage(): boolean {
  const router = useRouter();
  const [ready, setReady] = useState(false);
  useEffect(
    () =>
      whenIdle(() => {
        // What is not fetched now is when somebody asks.
        const later = () => undefined;
        loadParts().then(() => setReady(true), later);
        for (const route of Object.values(router.routesById)) {
          Promise.resolve(router.loadRouteChunk(route)).catch(later);
        }
      }),
    [router],
  );
  return ready;
}

/**
 * The palette opens from everywhere, also from a field, so it is no ordinary shortcut. It is there, closed,
 * before it is asked for, if it could be fetched by then: what is typed right after Ctrl K is meant for it.
 */
function usePalette(ready: boolean) {
  const [asked, setAsked] = useState(0);
  const [query, setQuery] = useState("");
  useEffect(() => {
    if (asked === 0) return;
    return takeKeys((key) => setQuery((typed) => typed + key));
  }, [asked]);
  const openPalette = useCallback(() => setAsked((times) => times + 1), []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (
        event.key.toLowerCase() !== "k" ||
        !(event.ctrlKey || event.metaKey) ||
        event.altKey ||
        event.shiftKey
      )
        return;
      event.preventDefault();
      openPalette();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [openPalette]);
  const closePalette = useCallback(() => {
    setAsked(0);
    setQuery("");
  }, []);
  return { asked, query, setQuery, palette: ready || asked > 0, openPalette, closePalette };
}

function Workspace() {
  const { workspace, instance } = useSession();
  return (
    <Group gap="sm" wrap="nowrap" className={classes.workspace}>
      <Mark />
      <Text fw={600} truncate dir="auto" className={classes.theirs}>
        {workspace.name}
      </Text>
      {instance.demo && (
        <Text size="xs" c="dimmed" className={classes.demo}>
          Demo
        </Text>
      )}
    </Group>
  );
}

function Sidebar({
  bell,
  onSearch,
  onShortcuts,
}: {
  bell?: ReactNode;
  onSearch: () => void;
  onShortcuts: () => void;
}) {
  const admin = useAdmin();
  return (
    <Stack h="100%" gap="xs" p="sm">
      <Group p="xs" pb="sm" gap="xs" wrap="nowrap" justify="space-between">
        <Workspace />
        {bell}
      </Group>
      <button type="button" className={classes.search} onClick={onSearch}>
        <Icon of={IconSearch} />
        <span>Find and do</span>
        <kbd>{navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K"}</kbd>
      </button>
      <nav aria-label="Main">
        <SideLink
          to="/accounts"
          label="Accounts"
          leftSection={<Icon of={IconMail} />}
          className={classes.link}
          active={false}
          activeProps={{ "data-current": true }}
        />
        {admin && (
          <SideLink
            to="/settings/providers"
            label="Settings"
            leftSection={<Icon of={IconSettings} />}
            className={classes.link}
            active={false}
            activeProps={{ "data-current": true }}
          />
        )}
      </nav>
      <Box mt="auto">
        <UserMenu onShortcuts={onShortcuts} />
      </Box>
    </Stack>
  );
}
