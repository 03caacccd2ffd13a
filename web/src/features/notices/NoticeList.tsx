import { ActionIcon, Button, Group, Skeleton, Stack, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBellOff, IconSettings, IconX } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef } from "react";
import { asApiError } from "../../lib/problem";
import { Icon } from "../../ui/Icon";
import { LoadFailed, Notice } from "../../ui/Notice";
import { useMarkRead } from "./actions";
import { NoticeEntry } from "./NoticeEntry";
import classes from "./Notices.module.css";
import { noticesQuery } from "./queries";

/** All notices, the newest first. `closable`: it covers the page, so it has a button to go. */
export function NoticeList({ onClose, closable }: { onClose: () => void; closable?: boolean }) {
  const title = useRef<HTMLHeadingElement>(null);
  return (
    <div className={classes.list}>
      <Group className={classes.head} justify="space-between" wrap="nowrap" gap="sm">
        <Title order={2} size="h3" ref={title} data-autofocus tabIndex={-1} className={classes.title}>
          Notifications
        </Title>
        <Group gap="xs" wrap="nowrap">
          {/* The button goes away, and the focus must not go with it. */}
          <MarkAllRead onDone={() => title.current?.focus()} />
          <ActionIcon
            component={Link}
            to="/settings/notifications"
            variant="subtle"
            color="gray"
            onClick={onClose}
            aria-label="Notification settings"
            className={classes.button}
          >
            <Icon of={IconSettings} />
          </ActionIcon>
          {closable && (
            <ActionIcon
              variant="subtle"
              color="gray"
              onClick={onClose}
              aria-label="Close"
              className={classes.button}
            >
              <Icon of={IconX} />
            </ActionIcon>
          )}
        </Group>
      </Group>
      <Entries onClose={onClose} />
    </div>
  );
}

function MarkAllRead({ onDone }: { onDone: () => void }) {
  const { data } = useInfiniteQuery(noticesQuery);
  const markRead = useMarkRead();
  const newest = data?.pages[0]?.items[0];
  if (!newest || data.pages[0]?.unread === 0) return null;
  const readAll = () =>
    markRead.mutate(newest.id, {
      onSuccess: onDone,
      onError: (error) =>
        notifications.show({ color: "red", title: "Not marked", message: asApiError(error).message }),
    });
  return (
    <Button variant="subtle" size="compact-sm" loading={markRead.isPending} onClick={readAll}>
      Mark all read
    </Button>
  );
}

function Entries({ onClose }: { onClose: () => void }) {
  const list = useInfiniteQuery(noticesQuery);
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.isPending) return <Waiting />;
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The list" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) {
    return (
      <Notice icon={IconBellOff} title="Nothing to tell">
        When an account stops working for a while, and when it works again, you read it here.
      </Notice>
    );
  }
  return (
    <>
      <ul className={classes.entries} aria-label="Notifications">
        {items.map((each) => (
          <li key={each.id}>
            <NoticeEntry notice={each} onFollow={onClose} />
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Group justify="center" p="sm">
          <Button
            variant="default"
            size="compact-sm"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {list.isFetchNextPageError ? "Older ones could not be loaded. Try again" : "Show older"}
          </Button>
        </Group>
      )}
    </>
  );
}

function Waiting() {
  return (
    <Stack gap={0} role="status" aria-busy aria-label="Loading the notifications">
      {[1, 2, 3].map((row) => (
        <div key={row} className={classes.entry}>
          <Skeleton h="1rem" w="60%" />
          <Skeleton h="0.75rem" w="80%" mt="xs" />
        </div>
      ))}
    </Stack>
  );
}
