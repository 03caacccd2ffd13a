import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";
import type { Account, ThreadRow } from "../../api/client";
import { Banner } from "../../ui/Banner";
import { LoadFailed } from "../../ui/Notice";
import { sizes } from "../../ui/theme";
import { VirtualRows } from "../../ui/VirtualRows";
import { messageQuery } from "./queries";
import { ThreadLine } from "./ThreadLine";
import type { View } from "./threads";
import { entrance, threadListQuery } from "./threads";
import { useRows } from "./useRows";
import { Waiting } from "./Waiting";

interface ThreadRowsProps {
  account: Account;
  folder: string | undefined;
  /** What the address asks for. */
  view: View | undefined;
  /** The message that is open beside the list. */
  openId: string | undefined;
  empty: ReactNode;
}

/** The conversations of an account, by their newest message. */
export function ThreadRows({ account, folder, view, openId, empty }: ThreadRowsProps) {
  const navigate = useNavigate();
  const list = useInfiniteQuery(threadListQuery(account.id, folder));
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const openMessage = useQuery({ ...messageQuery(openId ?? ""), enabled: openId !== undefined });
  const openThread = openId === undefined ? undefined : openMessage.data?.thread_id;
  const search = { folder, view };
  const { active, onReady } = useRows({
    items,
    openId: openThread,
    noun: "conversation",
    open: (id, replace) => {
      const row = items.find((each) => each.id === id);
      if (!row) return;
      const params = { id: account.id, messageId: entrance(row) };
      void navigate({ to: "/accounts/$id/mail/$messageId", params, search, replace });
    },
  });

  if (list.isPending) return <Waiting label="Loading conversations" />;
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The mail" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return empty;
  const again = (
    <Button size="compact-sm" variant="default" onClick={() => void list.fetchNextPage()}>
      Try again
    </Button>
  );
  return (
    <VirtualRows<ThreadRow>
      items={items}
      label="Conversations, newest first"
      estimate={sizes.messageRow}
      keyOf={(each) => each.id}
      render={(each, index) => (
        <ThreadLine
          thread={each}
          own={account.address}
          search={search}
          open={each.id === openThread}
          marked={index === active}
        />
      )}
      more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
      onReady={onReady}
      foot={
        list.isFetchNextPageError && (
          <Banner tone="bad" alert action={again}>
            Older conversations could not be loaded.
          </Banner>
        )
      }
    />
  );
}
