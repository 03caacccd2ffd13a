import { Button, Select, Skeleton, Stack } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useMemo, useRef } from "react";
import type { Account, MessageRow } from "../../api/client";
import { count } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { Banner } from "../../ui/Banner";
import { LoadFailed, Notice } from "../../ui/Notice";
import { sizes } from "../../ui/theme";
import { useListKeys } from "../../ui/useListKeys";
import { VirtualRows } from "../../ui/VirtualRows";
import { accountQuery } from "../accounts/queries";
import { ImportBanner } from "./ImportBanner";
import classes from "./Mail.module.css";
import { MessageLine } from "./MessageLine";
import { foldersQuery, messageListQuery } from "./queries";

interface MailProps {
  accountId: string;
  folder: string | undefined;
  /** The message that is open beside the list (on a small screen: instead of it). */
  openId: string | undefined;
  onFolder: (folder: string | undefined) => void;
  children: ReactNode;
}

/** The mail of one account: folder filter, list, and the open message. */
export function MailPage({ accountId, folder, openId, onFolder, children }: MailProps) {
  const { data: account } = useSuspenseQuery(accountQuery(accountId));
  return (
    <div className={classes.mail} data-open={openId ? true : undefined}>
      <div className={classes.listPane}>
        <div className={classes.tools}>
          <FolderFilter accountId={accountId} folder={folder} onFolder={onFolder} />
        </div>
        <ImportBanner account={account} />
        <div className={classes.list}>
          <MessageRows account={account} folder={folder} openId={openId} />
        </div>
      </div>
      <div className={classes.readPane}>{children}</div>
    </div>
  );
}

function FolderFilter(props: Pick<MailProps, "accountId" | "folder" | "onFolder">) {
  const { data } = useQuery(foldersQuery(props.accountId));
  const options = [
    { value: "", label: "All folders" },
    ...(data?.items ?? [])
      .filter((each) => each.selected)
      .map((each) => ({
        value: each.id,
        label: isolated(each.name) + (each.unseen > 0 ? ` (${count(each.unseen)})` : ""),
      })),
  ];
  return (
    <Select
      aria-label="Folder"
      data={options}
      value={props.folder ?? ""}
      onChange={(value) => props.onFolder(value || undefined)}
      allowDeselect={false}
      searchable={options.length > 12}
      className={classes.folder}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}

function MessageRows({
  account,
  folder,
  openId,
}: {
  account: Account;
  folder: string | undefined;
  openId: string | undefined;
}) {
  const navigate = useNavigate();
  const list = useInfiniteQuery(messageListQuery(account.id, folder));
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const scroll = useRef<(index: number) => void>(undefined);
  const onReady = useCallback((next: (index: number) => void) => {
    scroll.current = next;
  }, []);
  const open = (index: number, replace: boolean) => {
    const messageId = items[index]?.id;
    if (!messageId) return;
    void navigate({
      to: "/accounts/$id/mail/$messageId",
      params: { id: account.id, messageId },
      search: { folder },
      replace,
    });
  };
  const show = (index: number) => {
    scroll.current?.(index);
    if (openId) open(index, true);
  };
  const { active, setActive } = useListKeys({
    length: items.length,
    show,
    open: (index) => open(index, false),
    noun: "message",
  });
  const openAt = items.findIndex((each) => each.id === openId);
  // Opening by mouse marks the row too, so that j and k go on from there.
  if (openAt >= 0 && openAt !== active) setActive(openAt);
  // A link may open a message far down in the list.
  const listed = openAt >= 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once when it is found, not whenever new mail moves it
  useEffect(() => {
    if (listed) scroll.current?.(openAt);
  }, [openId, listed]);

  if (list.isPending) return <Waiting />;
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The mail" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return <Empty account={account} folder={folder} />;
  return (
    <VirtualRows<MessageRow>
      items={items}
      label="Messages, newest first"
      estimate={sizes.messageRow}
      keyOf={(each) => each.id}
      render={(each, index) => (
        <MessageLine
          message={each}
          accountId={account.id}
          own={account.address}
          folder={folder}
          open={each.id === openId}
          marked={index === active}
        />
      )}
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
            Older messages could not be loaded.
          </Banner>
        )
      }
    />
  );
}

function Waiting() {
  return (
    <Stack gap={0} role="status" aria-busy aria-label="Loading messages">
      {[1, 2, 3, 4, 5, 6].map((row) => (
        <div key={row} className={classes.line}>
          <Skeleton h="1rem" w="35%" />
          <Skeleton h="0.75rem" w="60%" mt="sm" />
          <Skeleton h="0.75rem" w="85%" mt="sm" />
        </div>
      ))}
    </Stack>
  );
}

function Empty({ account, folder }: { account: Account; folder: string | undefined }) {
  if (account.receiving.state === "not_set_up") {
    return (
      <Notice icon={IconInbox} title="This account only sends">
        Incoming mail (IMAP) was left out when it was connected, so there is no mail to show.
      </Notice>
    );
  }
  if (account.sync.stage === "importing" || account.sync.stage === "waiting") {
    return (
      <Notice icon={IconInbox} title="No mail here yet">
        The import has begun; the newest messages appear first.
      </Notice>
    );
  }
  return (
    <Notice icon={IconInbox} title={folder ? "This folder is empty" : "No mail in the imported time"}>
      New messages appear here as they arrive.
    </Notice>
  );
}
