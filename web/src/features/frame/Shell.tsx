import { ActionIcon, Box, Burger, Group, Stack, Text } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconMail, IconSearch } from "@tabler/icons-react";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useState } from "react";
import { Mark } from "../../ui/Brand";
import { Icon } from "../../ui/Icon";
import { SideLink } from "../../ui/links";
import { useShortcuts } from "../../ui/shortcuts";
import { media } from "../../ui/theme";
import { useSession } from "../session/queries";
import { OfflineBanner } from "./OfflineBanner";
import classes from "./Shell.module.css";
import { UserMenu } from "./UserMenu";

const CheatSheet = lazy(() => import("./CheatSheet"));
const MenuDrawer = lazy(() => import("./MenuDrawer"));
const loadPalette = () => import("./Palette");
const Palette = lazy(loadPalette);

/** Sidebar, shortcuts, palette and live stream around every page of a signed-in person. */
export function Shell({ children }: { children: ReactNode }) {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const compact = useMediaQuery(media.compact, undefined, { getInitialValueInEffect: false });
  const [menu, { open: openMenu, close: closeMenu }] = useDisclosure();
  const [cheatSheet, { open: openCheatSheet, close: closeCheatSheet }] = useDisclosure();
  const { asked, palette, openPalette } = usePalette();

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

  const sidebar = <Sidebar onSearch={openPalette} onShortcuts={openCheatSheet} />;
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      {compact ? (
        <div className={classes.topbar}>
          <Burger opened={menu} onClick={openMenu} size="sm" aria-label="Open the menu" />
          <Workspace />
          <ActionIcon variant="subtle" color="gray" onClick={openPalette} aria-label="Find and do" ml="auto">
            <Icon of={IconSearch} />
          </ActionIcon>
        </div>
      ) : (
        <aside className={classes.sidebar}>{sidebar}</aside>
      )}
      {compact && menu && (
        <Suspense>
          <MenuDrawer onClose={closeMenu}>{sidebar}</MenuDrawer>
        </Suspense>
      )}
      <main className={classes.main} id="main" tabIndex={-1}>
        <OfflineBanner />
        {children}
      </main>
      {cheatSheet && (
        <Suspense>
          <CheatSheet onClose={closeCheatSheet} />
        </Suspense>
      )}
      {palette && (
        <Suspense>
          <Palette asked={asked} onShortcuts={openCheatSheet} />
        </Suspense>
      )}
    </div>
  );
}

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

/**
 * The palette opens from everywhere, also from a field, so it is no ordinary shortcut. It is there, closed,
 * before it is asked for: what is typed right after the first Ctrl K is meant for it.
 */
function usePalette() {
  const [asked, setAsked] = useState(0);
  const [ready, setReady] = useState(false);
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
  useEffect(
    () =>
      whenIdle(() => {
        // Not fetched now: it is when somebody asks.
        loadPalette().then(
          () => setReady(true),
          () => undefined,
        );
      }),
    [],
  );
  return { asked, palette: ready || asked > 0, openPalette };
}

function Workspace() {
  const { workspace, instance } = useSession();
  return (
    <Group gap="sm" wrap="nowrap" className={classes.workspace}>
      <Mark />
      <Text fw={600} truncate>
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

function Sidebar({ onSearch, onShortcuts }: { onSearch: () => void; onShortcuts: () => void }) {
  return (
    <Stack h="100%" gap="xs" p="sm">
      <Box p="xs" pb="sm">
        <Workspace />
      </Box>
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
      </nav>
      <Box mt="auto">
        <UserMenu onShortcuts={onShortcuts} />
      </Box>
    </Stack>
  );
}
