import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import type { Account, ThreadRow } from "../../api/client";
import { Banner } from "../../ui/Banner";
import { LoadFailed } from "../../ui/Notice";
import { sizes } from "../../ui/theme";
import { VirtualRows } from "../../ui/VirtualRows";
import { MailBar } from "./MailBar";
import { MailRow } from "./MailRow";
import { messageQuery } from "./queries";
import { useItems } from "./shown";
import { ThreadLine } from "./ThreadLine";
import type { View } from "./threads";
import { entrance, threadListQuery } from "./threads";
import { useMailRows } from "./useMailRows";
import { useRest } from "./useRest";
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
  const items = useItems(list.data?.pages, folder);
  const openMessage = useQuery({ ...messageQuery(openId ?? ""), enabled: openId !== undefined });
  const openThread = openId === undefined ? undefined : openMessage.data?.thread_id;
  const search = { folder, view };
  const { active, onReady, selection, chosen } = useMailRows({
    items,
    openId: openThread,
    waits: openId !== undefined && openMessage.isPending,
    noun: "conversation",
    shown: `${account.id} ${folder ?? ""}`,
    open: (id, replace) => {
      const row = items.find((each) => each.id === id);
      if (!row) return;
      const params = { id: account.id, messageId: entrance(row) };
      void navigate({ to: "/accounts/$id/mail/$messageId", params, search, replace });
    },
  });
  // How many conversations a folder has, nobody counts.
  const rest = useRest(list, selection, undefined);
  const { hasNextPage, isFetching, isError, fetchNextPage } = list;
  // All that was loaded may have been moved away.
  const goOn = items.length === 0 && hasNextPage && !isFetching && !isError;
  useEffect(() => {
    if (goOn) void fetchNextPage();
  }, [goOn, fetchNextPage]);

  if (list.isPending || (items.length === 0 && hasNextPage && !isError)) {
    return <Waiting label="Loading conversations" />;
  }
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The mail" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return empty;
  return (
    <>
      <VirtualRows<ThreadRow>
        items={items}
        label="Conversations, newest first"
        estimate={sizes.messageRow}
        keyOf={(each) => each.id}
        render={(each, index) => (
          <MailRow id={each.id} index={index} subject={each.subject} selection={selection}>
            <ThreadLine
              thread={each}
              own={account.address}
              search={search}
              open={each.id === openThread}
              marked={index === active}
            />
          </MailRow>
        )}
        more={hasNextPage && !isFetching ? () => void fetchNextPage() : undefined}
        onReady={onReady}
        foot={list.isFetchNextPageError && <Broken retry={() => void fetchNextPage()} />}
      />
      <MailBar selection={selection} chosen={chosen} loaded={items} rest={rest} />
    </>
  );
}

function Broken({ retry }: { retry: () => void }) {
  const again = (
    <Button size="compact-sm" variant="default" onClick={retry}>
      Try again
    </Button>
  );
  return (
    <Banner tone="bad" alert action={again}>
      Older conversations could not be loaded.
    </Banner>
  );
}
