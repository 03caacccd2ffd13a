import { Text } from "@mantine/core";
import { IconSearch, IconSearchOff } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Fragment, type ReactNode, useEffect } from "react";
import type { SearchHit, SearchPage } from "../../api/client";
import { LoadFailed, Notice } from "../../ui/Notice";
import { Time } from "../../ui/Time";
import classes from "./Mail.module.css";
import { MailList, useMore } from "./MailList";
import { MessageLine } from "./MessageLine";
import { type Asked, OPERATORS, searchQuery } from "./search";
import { useItems } from "./shown";
import { useMailRows } from "./useMailRows";
import { useRest } from "./useRest";
import { Waiting } from "./Waiting";

/** Rows that are looked for without being asked: an answer may hold none and say where to go on. */
const ENOUGH = 25;
/** The message of each search over all accounts that was opened last: who comes back finds it where it was. */
const lastOpened = new Map<string, string>();

interface RowsProps extends Asked {
  openId?: string | undefined;
  /** What is said where nothing is found, below the operators. */
  otherwise?: ReactNode;
}

/** What a search found, as the list shows mail, with what was searched for marked. */
export function SearchRows({ openId, otherwise, ...asked }: RowsProps) {
  const { accountId, folder, q } = asked;
  const navigate = useNavigate();
  const list = useInfiniteQuery(searchQuery(asked));
  const items = useItems(list.data?.pages, folder);
  const everywhere = accountId === undefined;
  const rows = useMailRows({
    items,
    openId,
    shown: `${accountId ?? ""} ${folder ?? ""} ${q}`,
    open: (messageId, replace) => {
      const hit = items.find(({ id }) => id === messageId);
      if (!hit) return;
      if (everywhere) lastOpened.set(q, messageId);
      void navigate({
        to: "/accounts/$id/mail/$messageId",
        params: { id: hit.account_id, messageId },
        search: { folder, q, all: everywhere || undefined },
        replace,
      });
    },
  });
  const rest = useRest(list, rows.selection, undefined);
  useMore(list, items.length >= ENOUGH);
  const { setActive, scroll } = rows;
  const returned = everywhere ? items.findIndex(({ id }) => id === lastOpened.get(q)) : -1;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when what was left is here again
  useEffect(() => {
    if (returned < 0) return;
    setActive(returned);
    scroll.current?.(returned);
    lastOpened.delete(q);
  }, [returned >= 0, q]);

  if (list.isError && items.length === 0) {
    return <LoadFailed what="What was found" error={list.error} retry={() => void list.refetch()} />;
  }
  if (list.isPending || (items.length === 0 && (list.hasNextPage || list.isFetching)))
    return <Waiting label="Searching" />;
  const page = list.data?.pages[0];
  return (
    <>
      {page?.indexing && <Indexing page={page} />}
      {items.length === 0 && <Nothing>{otherwise}</Nothing>}
      <MailList<SearchHit>
        label="Messages found, newest first"
        items={items}
        list={list}
        rows={rows}
        rest={rest}
        broken="Older messages could not be searched."
        line={(each, marked) => (
          <MessageLine
            message={each}
            hit={each}
            accountId={each.account_id}
            own={each.account.address}
            from={everywhere ? each.account.address : undefined}
            search={{ folder, q, all: everywhere || undefined }}
            onOpen={everywhere ? () => lastOpened.set(q, each.id) : undefined}
            open={each.id === openId}
            marked={marked}
          />
        )}
      />
    </>
  );
}

function Indexing({ page }: { page: SearchPage }) {
  return (
    <div className={classes.import} role="status">
      <Text size="xs">
        Older mail is still being indexed
        {page.indexed_back_to ? (
          <>
            . Searched so far: back to <Time at={page.indexed_back_to} as="list" />.
          </>
        ) : (
          " and is found later."
        )}
      </Text>
    </div>
  );
}

function Nothing({ children }: { children?: ReactNode }) {
  return (
    <div className={classes.nothing}>
      <Notice icon={IconSearchOff} title="Nothing found" action={children}>
        No message fits all of it. Words are found by their beginning only where they are the last.
      </Notice>
      <Operators />
    </div>
  );
}

/** Before anything is asked. */
export function HowToSearch() {
  return (
    <div className={classes.nothing}>
      <Notice icon={IconSearch} title="Search your mail">
        Words, people, names of files: in all accounts that you may read.
      </Notice>
      <Operators />
    </div>
  );
}

function Operators() {
  return (
    <dl className={classes.operators} aria-label="What can be typed">
      {OPERATORS.map(([typed, finds]) => (
        <Fragment key={typed}>
          <dt>
            <code>{typed}</code>
          </dt>
          <dd>{finds}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
