import { Button, Group, Skeleton, Text } from "@mantine/core";
import { IconMailPlus, IconPlus, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { AccountFilter } from "../../api/keys";
import { count } from "../../lib/format";
import { isolated } from "../../lib/texts";
import { Icon } from "../../ui/Icon";
import { AnchorLink, ButtonLink } from "../../ui/links";
import { LoadFailed, Notice } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { part } from "../../ui/part";
import { useAdmin } from "../session/queries";
import { AccountFilters, type Change } from "./AccountFilters";
import classes from "./Accounts.module.css";
import { AccountsTable } from "./AccountsTable";
import { accountListQuery, summaryQuery } from "./queries";

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
        <AnchorLink to="." search={{ status: "reconnect_required" }} c="inherit" underline="hover">
          {figure(data.need_attention, data.need_attention === 1 ? "needs you" : "need you")}
        </AnchorLink>
      ) : (
        figure(data?.need_attention, "need you")
      )}
      {data && data.disconnected > 0 && (
        <AnchorLink to="." search={{ status: "disconnected" }} c="inherit" underline="hover">
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
  const filtered = Boolean(filter.search || filter.status || filter.user);
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
            <Notice
              icon={IconSearchOff}
              title="No account matches"
              action={
                <Button
                  variant="default"
                  onClick={() => onChange({ search: undefined, status: undefined, user: undefined })}
                >
                  Clear filters
                </Button>
              }
            >
              No account fits {filter.search ? `“${isolated(filter.search)}”` : "the chosen filters"}
              {filter.search && (filter.status || filter.user) ? " and the chosen filters" : ""}.
            </Notice>
          ) : (
            <AccountsTable
              rows={rows}
              total={Math.max(total, rows.length)}
              loading={list.isPending}
              stale={list.isPlaceholderData}
              more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
              failed={list.isFetchNextPageError ? () => void list.fetchNextPage() : undefined}
              filter={filter}
              onChange={onChange}
            />
          )}
        </>
      )}
    </Page>
  );
}
