import { SegmentedControl, Select } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { useInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useRef } from "react";
import type { Account, MessageRow } from "../../api/client";
import { count } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { ButtonLink } from "../../ui/links";
import { LoadFailed, Notice } from "../../ui/Notice";
import { accountQuery } from "../accounts/queries";
import { ImportBanner } from "./ImportBanner";
import classes from "./Mail.module.css";
import { MailActionsProvider } from "./MailActions";
import { MailList, useMore } from "./MailList";
import { MessageLine } from "./MessageLine";
import { messageListQuery } from "./queries";
import { SearchChips, SearchField } from "./SearchField";
import { SearchRows } from "./SearchRows";
import { useFolders, useItems } from "./shown";
import { ThreadRows } from "./ThreadRows";
import threadClasses from "./Threads.module.css";
import type { View } from "./threads";
import { useView } from "./threads";
import { useMailRows } from "./useMailRows";
import { useRest } from "./useRest";
import { Waiting } from "./Waiting";

interface MailProps {
  accountId: string;
  folder: string | undefined;
  /** The message that is open beside the list (on a small screen: instead of it). */
  openId: string | undefined;
  /** What is searched for; empty: the list. */
  q: string;
  /** What the address asks for: conversations, or messages alone. */
  view: View | undefined;
  onFolder: (folder: string | undefined) => void;
  onSearch: (q: string) => void;
  /** Another view was chosen: the address asks for none any more. */
  onView: () => void;
  children: ReactNode;
}

/** The mail of one account: folder filter, list, and the open message. */
export function MailPage(props: MailProps) {
  const { accountId, folder, openId, q, view, onFolder, onSearch, onView, children } = props;
  const [shown, choose] = useView(view);
  const { data: account } = useSuspenseQuery(accountQuery(accountId));
  return (
    <MailActionsProvider folder={folder}>
      <div className={classes.mail} data-open={openId ? true : undefined}>
        <div className={classes.listPane}>
          <search className={classes.tools} aria-label="Search and narrow down">
            <SearchField label="Search these emails" q={q} onSearch={onSearch} />
            <FolderFilter accountId={accountId} folder={folder} onFolder={onFolder} />
            {!q && (
              <ViewSwitch
                view={shown}
                onView={(next) => {
                  choose(next);
                  if (next !== shown) onView();
                }}
              />
            )}
            {q && <SearchChips q={q} onSearch={onSearch} />}
          </search>
          <ImportBanner account={account} />
          <div className={classes.list}>
            {q ? (
              <SearchRows
                key={q}
                accountId={accountId}
                folder={folder}
                q={q}
                openId={openId}
                otherwise={
                  <ButtonLink variant="default" to="/search" search={{ q }}>
                    Search all mail
                  </ButtonLink>
                }
              />
            ) : shown === "conversations" ? (
              <ThreadRows
                account={account}
                folder={folder}
                view={view}
                openId={openId}
                empty={<Empty account={account} folder={folder} />}
              />
            ) : (
              <MessageRows account={account} folder={folder} view={view} openId={openId} />
            )}
          </div>
        </div>
        <div className={classes.readPane}>{children}</div>
      </div>
    </MailActionsProvider>
  );
}

function FolderFilter(props: Pick<MailProps, "accountId" | "folder" | "onFolder">) {
  const folders = useFolders(props.accountId);
  const field = useRef<HTMLInputElement>(null);
  const options = [
    { value: "", label: "All folders" },
    ...folders
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
      onChange={(value) => {
        props.onFolder(value || undefined);
        // What is typed next is meant for the list.
        field.current?.blur();
      }}
      // What is typed takes the place of the name that stands there.
      onFocus={() => field.current?.select()}
      nothingFoundMessage="No folder of this name"
      allowDeselect={false}
      searchable={options.length > 12}
      ref={field}
      className={classes.folder}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}

function ViewSwitch({ view, onView }: { view: View; onView: (next: View) => void }) {
  return (
    <SegmentedControl
      size="xs"
      aria-label="Show"
      className={threadClasses.views}
      value={view}
      onChange={(next) => onView(next as View)}
      data={[
        { value: "conversations", label: "Conversations" },
        { value: "messages", label: "Messages" },
      ]}
    />
  );
}

function MessageRows({
  account,
  folder,
  view,
  openId,
}: {
  account: Account;
  folder: string | undefined;
  view: View | undefined;
  openId: string | undefined;
}) {
  const navigate = useNavigate();
  const list = useInfiniteQuery(messageListQuery(account.id, folder));
  const items = useItems(list.data?.pages, folder);
  const rows = useMailRows({
    items,
    openId,
    shown: `${account.id} ${folder ?? ""}`,
    open: (messageId, replace) =>
      void navigate({
        to: "/accounts/$id/mail/$messageId",
        params: { id: account.id, messageId },
        search: { folder, view },
        replace,
      }),
  });

  const total = useFolders(account.id).find(({ id }) => id === folder)?.messages;
  const rest = useRest(list, rows.selection, total);
  // All that was loaded may have been moved away.
  useMore(list, items.length > 0);

  if (list.isPending || (items.length === 0 && list.hasNextPage && !list.isError)) {
    return <Waiting label="Loading messages" />;
  }
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The mail" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return <Empty account={account} folder={folder} />;
  return (
    <MailList<MessageRow>
      label="Messages, newest first"
      items={items}
      list={list}
      rows={rows}
      rest={rest}
      broken="Older messages could not be loaded."
      line={(each, marked) => (
        <MessageLine
          message={each}
          accountId={account.id}
          own={account.address}
          search={{ folder, view }}
          open={each.id === openId}
          marked={marked}
        />
      )}
    />
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
