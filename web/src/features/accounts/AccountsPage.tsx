import { Group, Skeleton, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { count } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import { AnchorLink, ButtonLink } from "../../ui/links";
import { LoadFailed } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { part } from "../../ui/part";
import { useSelection } from "../../ui/selection";
import { useAdmin } from "../session/queries";
import { AccountFilters } from "./AccountFilters";
import classes from "./Accounts.module.css";
import { AccountsTable } from "./AccountsTable";
import { EVERYTHING, isNarrowed, type ListSearch, narrowing } from "./filter";
import { accountListQuery, summaryQuery } from "./queries";

const NoAccount = part(() => import("./NoAccount"));
const NoMatch = part(() => import("./NoMatch"));
const BulkBar = part(() => import("./BulkBar"));
const BulkRun = part(async () => ({ default: (await import("./BulkDialog")).BulkRun }));

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
  /** Leads to those accounts; nothing where there are none. */
  const linked = (status: string, value: number | undefined, words: string) =>
    value ? (
      <AnchorLink to="." search={{ status }} c="inherit" underline="hover" className={classes.figureLink}>
        {figure(value, words)}
      </AnchorLink>
    ) : undefined;
  const waiting = data?.need_attention;
  return (
    <Group gap="lg" mb="md" className={classes.figures} aria-label="Figures" role="group">
      {figure(data?.connected, "connected")}
      {linked("reconnect_required", waiting, waiting === 1 ? "needs you" : "need you") ??
        figure(waiting, "need you")}
      {linked("disconnected", data?.disconnected, "disconnected")}
      {linked("paused", data?.paused, "paused")}
      {figure(data?.sent_today, "sent today")}
    </Group>
  );
}

/** The list of connected accounts. `search` lives in the address bar. */
export function AccountsPage(props: { search: ListSearch; onChange: (change: ListSearch) => void }) {
  const { onChange } = props;
  const { run, ...filter } = props.search;
  const list = useInfiniteQuery({ ...accountListQuery(filter), placeholderData: keepPreviousData });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? rows.length;
  const filtered = isNarrowed(filter);
  const selection = useSelection(rows, Math.max(total, rows.length), JSON.stringify(narrowing(filter)));
  // What was begun here; any other run is only looked at.
  const [begun, setBegun] = useState<string>();
  const follow = (next: string) => {
    setBegun(next);
    onChange({ run: next });
  };
  const leave = () => {
    setBegun(undefined);
    onChange({ run: undefined });
  };
  const admin = useAdmin();
  const empty = list.isSuccess && rows.length === 0 && !list.isPlaceholderData;

  return (
    <Page name="Accounts">
      <PageHeader title="Accounts">
        <ConnectButton />
      </PageHeader>
      {admin && <AppFaults onMissing={() => undefined} />}
      {empty && !filtered ? (
        <NoAccount action={<ConnectButton />} onMissing={() => undefined} />
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
          {selection.count > 0 && (
            <BulkBar
              selection={selection}
              total={Math.max(total, rows.length)}
              filter={filter}
              onBegun={follow}
              onMissing={selection.clear}
            />
          )}
        </>
      )}
      {run && (
        <BulkRun
          key={run}
          id={run}
          begun={run === begun}
          onUndone={follow}
          onClose={leave}
          onMissing={leave}
        />
      )}
    </Page>
  );
}
