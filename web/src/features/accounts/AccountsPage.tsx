import { Group, Skeleton, Text } from "@mantine/core";
import { IconMailPlus, IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { AccountFilter } from "../../api/keys";
import { count } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import { AnchorLink, ButtonLink } from "../../ui/links";
import { LoadFailed, Notice } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { part } from "../../ui/part";
import { useAdmin } from "../session/queries";
import { AccountFilters, type Change } from "./AccountFilters";
import classes from "./Accounts.module.css";
import { AccountsTable } from "./AccountsTable";
import { EVERYTHING, isNarrowed } from "./filter";
import { accountListQuery, summaryQuery } from "./queries";
import { useSelection } from "./selection";

const NoMatch = part(() => import("./NoMatch"));
const BulkBar = part(() => import("./BulkBar"));

const AppFaults = part(() => import("../providers/AppFaults"));

function ConnectButton() {
  return (
    <ButtonLink to="/accounts/add" leftSection={<Icon of={IconPlus} />}>
      Connect email
    </ButtonLink>
  );
}

function Figures() {
  const { data } = useQuery(summaryQuery);
  const figure = (value: number | undefined, words: string) =>
    value === undefined ? (
      <Skeleton w="5.5rem" h="1.4rem" />
    ) : (
      <Text size="xs" c="dimmed">
        <span className={classes.figure}>{count(value)}</span> {words}
      </Text>
    );
  return (
    <Group gap="lg" mb="md" className={classes.figures} aria-label="Figures" role="group">
      {figure(data?.connected, "connected")}
      {data && data.need_attention > 0 ? (
        <AnchorLink
          to="."
          search={{ status: "reconnect_required" }}
          c="inherit"
          underline="hover"
          className={classes.figureLink}
        >
          {figure(data.need_attention, data.need_attention === 1 ? "needs you" : "need you")}
        </AnchorLink>
      ) : (
        figure(data?.need_attention, "need you")
      )}
      {data && data.disconnected > 0 && (
        <AnchorLink
          to="."
          search={{ status: "disconnected" }}
          c="inherit"
          underline="hover"
          className={classes.figureLink}
        >
          {figure(data.disconnected, "disconnected")}
        </AnchorLink>
      )}
      {figure(data?.sent_today, "sent today")}
    </Group>
  );
}

/** The list of connected accounts. `filter` lives in the address bar. */
export function AccountsPage({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
  const list = useInfiniteQuery({ ...accountListQuery(filter), placeholderData: keepPreviousData });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? rows.length;
  const filtered = isNarrowed(filter);
  const selection = useSelection(rows, Math.max(total, rows.length), filter);
  // Once it was there it stays: its dialog outlives the selection.
  const [barShown, setBarShown] = useState(false);
  useEffect(() => setBarShown((shown) => shown || selection.count > 0), [selection.count]);
  const admin = useAdmin();
  const empty = list.isSuccess && rows.length === 0 && !list.isPlaceholderData;

  return (
    <Page name="Accounts">
      <PageHeader title="Accounts">
        <ConnectButton />
      </PageHeader>
      {admin && <AppFaults onMissing={() => undefined} />}
      {empty && !filtered ? (
        <Notice icon={IconMailPlus} title="No account is connected yet" action={<ConnectButton />}>
          Connect an email account to send from it and to follow its mail here. Posthouse keeps it connected
          and says what to do when something breaks.
        </Notice>
      ) : (
        <>
          <Figures />
          <AccountFilters
            filter={filter}
            onChange={onChange}
            found={filtered && list.isSuccess && !empty && !list.isPlaceholderData ? total : undefined}
          />
          {list.isError && rows.length === 0 ? (
            <LoadFailed what="The accounts" error={list.error} retry={() => void list.refetch()} />
          ) : empty ? (
            <NoMatch filter={filter} onChange={onChange} onMissing={() => onChange(EVERYTHING)} />
          ) : (
            <AccountsTable
              rows={rows}
              selection={selection}
              total={Math.max(total, rows.length)}
              loading={list.isPending}
              stale={list.isPlaceholderData}
              more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
              failed={list.isFetchNextPageError ? () => void list.fetchNextPage() : undefined}
              filter={filter}
              onChange={onChange}
            />
          )}
          {(selection.count > 0 || barShown) && (
            <BulkBar
              selection={selection}
              total={Math.max(total, rows.length)}
              filter={filter}
              onMissing={selection.clear}
            />
          )}
        </>
      )}
    </Page>
  );
}
