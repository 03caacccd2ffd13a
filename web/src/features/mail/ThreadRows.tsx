import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Account, ThreadRow } from "../../api/client";
import { LoadFailed } from "../../ui/Notice";
import { MailList, useMore } from "./MailList";
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
  const rows = useMailRows({
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
  const rest = useRest(list, rows.selection, undefined);
  // All that was loaded may have been moved away.
  useMore(list, items.length > 0);

  if (list.isPending || (items.length === 0 && list.hasNextPage && !list.isError)) {
    return <Waiting label="Loading conversations" />;
  }
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The mail" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return empty;
  return (
    <MailList<ThreadRow>
      label="Conversations, newest first"
      items={items}
      list={list}
      rows={rows}
      rest={rest}
      broken="Older conversations could not be loaded."
      line={(each, marked) => (
        <ThreadLine
          thread={each}
          own={account.address}
          search={search}
          open={each.id === openThread}
          marked={marked}
        />
      )}
    />
  );
}
