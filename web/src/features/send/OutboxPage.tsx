import { Button, Skeleton, Stack } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Outgoing } from "../../api/client";
import { Banner } from "../../ui/Banner";
import { LoadFailed, Notice } from "../../ui/Notice";
import { sizes } from "../../ui/theme";
import { VirtualRows } from "../../ui/VirtualRows";
import { OutboxEntry } from "./OutboxEntry";
import { outgoingListQuery, outgoingQuery } from "./queries";
import classes from "./Send.module.css";

/** Everything that was handed over for sending from one account, newest first. `entry` is pointed out. */
export function OutboxPage({ accountId, entry }: { accountId: string; entry: string | undefined }) {
  const list = useInfiniteQuery(outgoingListQuery(accountId));
  const loaded = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const missing = Boolean(entry) && list.isSuccess && !loaded.some((each) => each.id === entry);
  const pinned = useQuery({ ...outgoingQuery(entry ?? ""), enabled: missing });
  const items = useMemo(
    () => (missing && pinned.data ? [pinned.data, ...loaded] : loaded),
    [missing, pinned.data, loaded],
  );
  const show = useRef<(index: number) => void>(undefined);
  const onReady = useCallback((next: (index: number) => void) => {
    show.current = next;
  }, []);
  const shown = useRef<string>(undefined);
  useEffect(() => {
    const at = items.findIndex((each) => each.id === entry);
    if (!entry || at < 0 || shown.current === entry) return;
    shown.current = entry;
    show.current?.(at);
  }, [entry, items]);

  if (list.isPending) return <Waiting />;
  if (list.isError && loaded.length === 0) {
    return <LoadFailed what="The outbox" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) {
    return (
      <Notice icon={IconSend} title="Nothing was sent from here yet">
        Each message you send appears here, with what the mail server answered for each recipient.
      </Notice>
    );
  }
  return (
    <VirtualRows<Outgoing>
      items={items}
      label="Outbox"
      estimate={sizes.outgoingRow}
      keyOf={(each) => each.id}
      render={(each) => <OutboxEntry outgoing={each} marked={each.id === entry} />}
      more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
      onReady={onReady}
      foot={
        list.isFetchNextPageError && (
          <Banner
            tone="bad"
            alert
            action={
              <Button size="compact-sm" variant="default" onClick={() => void list.fetchNextPage()}>
                Try again
              </Button>
            }
          >
            Older entries could not be loaded.
          </Banner>
        )
      }
    />
  );
}

function Waiting() {
  return (
    <Stack gap={0} role="status" aria-busy aria-label="Loading the outbox">
      {[1, 2, 3, 4].map((row) => (
        <div key={row} className={classes.entry}>
          <Skeleton h="1rem" w="40%" />
          <Skeleton h="0.75rem" w="30%" mt="xs" />
          <Skeleton h="0.75rem" w="70%" mt="xs" />
        </div>
      ))}
    </Stack>
  );
}
