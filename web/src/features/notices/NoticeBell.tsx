import { ActionIcon, Popover } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBell } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { counted } from "../../lib/format";
import { returnFocus } from "../../ui/focus";
import { Icon } from "../../ui/Icon";
import { useShortcuts } from "../../ui/shortcuts";
import { NoticeDrawer } from "./NoticeDrawer";
import { NoticeList } from "./NoticeList";
import classes from "./Notices.module.css";
import { noticesQuery } from "./queries";

/** From here on the server does not count. */
const MOST = 100;

/** How many notices were not read, and on request all of them: beside the bell, or over the whole of a small screen. */
export default function NoticeBell({ compact }: { compact?: boolean }) {
  const { pathname } = useLocation();
  const [opened, { open, close, toggle }] = useDisclosure();
  const { data } = useInfiniteQuery(noticesQuery);
  const unread = data?.pages[0]?.unread ?? 0;
  useShortcuts([{ keys: "n", label: "Show notifications", group: "Everywhere", run: open }]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the list that led to it
  useEffect(close, [pathname]);

  const button = useRef<HTMLButtonElement>(null);
  const dismiss = () => {
    close();
    // Whoever clicked elsewhere is there now.
    const elsewhere = document.activeElement?.closest("[role=dialog]") === null;
    if (!elsewhere || document.activeElement === document.body) returnFocus(button.current ?? undefined);
  };

  const bell = (
    <ActionIcon
      ref={button}
      variant="subtle"
      color="gray"
      onClick={compact ? open : toggle}
      aria-label={unread > 0 ? `Notifications, ${inWords(unread)} unread` : "Notifications"}
      aria-haspopup="dialog"
      aria-expanded={opened}
      className={classes.bell}
    >
      <Icon of={IconBell} />
      {unread > 0 && (
        <span className={classes.badge} aria-hidden>
          {unread >= MOST ? "99+" : unread}
        </span>
      )}
    </ActionIcon>
  );
  return (
    <>
      <Announced unread={unread} loaded={data !== undefined} />
      {compact ? (
        <>
          {bell}
          {opened && <NoticeDrawer onClose={dismiss} />}
        </>
      ) : (
        <Popover
          opened={opened}
          onChange={(value) => !value && dismiss()}
          position="bottom-start"
          width="26rem"
          shadow="md"
          trapFocus
          // Else it is called by the bell's name, which counts.
          withRoles={false}
          transitionProps={{ duration: 0 }}
        >
          <Popover.Target>{bell}</Popover.Target>
          <Popover.Dropdown p={0} role="dialog" aria-label="Notifications" className={classes.popover}>
            {opened && <NoticeList onClose={close} />}
          </Popover.Dropdown>
        </Popover>
      )}
    </>
  );
}

function inWords(unread: number): string {
  return unread >= MOST ? "more than 99" : `${unread}`;
}

/** Tells those who do not see the bell that something came; what was there at the start is no news. */
function Announced({ unread, loaded }: { unread: number; loaded: boolean }) {
  const before = useRef<number>(undefined);
  const words = useRef("");
  if (loaded) {
    if (before.current !== undefined && unread > before.current) {
      words.current = `${counted(unread, "unread notification")}.`;
    }
    before.current = unread;
  }
  return (
    <span role="status" aria-live="polite" className={classes.spoken}>
      {words.current}
    </span>
  );
}
