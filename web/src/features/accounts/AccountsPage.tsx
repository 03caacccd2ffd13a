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
import { AccountFilters, type Change } from "./AccountFilters";
import classes from "./Accounts.module.css";
import { AccountsTable } from "./AccountsTable";
import { BulkBar } from "./BulkBar";
import { EVERYTHING, isNarrowed, PROVIDERS } from "./filter";
import { accountListQuery, accountUsersQuery, summaryQuery } from "./queries";
import { useSelection } from "./selection";
import { STATES } from "./words";

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

/** Names what hides everything, each with its own way off. */
function NoMatch({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
  const hiding = useFilterWords(filter);
  return (
    <Notice
      icon={IconSearchOff}
      title="No account matches"
      action={
        <>
          {hiding.length > 1 &&
            hiding.map(({ name, words }) => (
              <Button key={name} variant="default" onClick={() => onChange({ [name]: undefined })}>
                Without {words}
              </Button>
            ))}
          <Button variant="default" onClick={() => onChange(EVERYTHING)}>
            Clear filters
          </Button>
        </>
      }
    >
      No account fits {hiding.map(({ words }) => words).join(" and ")}.
    </Notice>
  );
}

/** The filters that are set, as a person would say them. */
function useFilterWords({ search, provider, status, user, tag }: AccountFilter) {
  const { data } = useQuery(accountUsersQuery);
  const somebody = data?.items.find(({ id }) => id === user)?.name ?? "that person";
  const whose = user === "me" ? "me" : user === "team" ? "the team" : somebody;
  const words = {
    search: search && `“${isolated(search)}”`,
    provider: provider && `the provider ${PROVIDERS[provider as keyof typeof PROVIDERS]}`,
    status: status && `the status ${STATES[status as keyof typeof STATES].word}`,
    user: user && `the user ${isolated(whose)}`,
    tag: tag && `the tag ${isolated(tag)}`,
  };
  return Object.entries(words).flatMap(([name, text]) => (text ? [{ name, words: text }] : []));
}

/** The list of connected accounts. `filter` lives in the address bar. */
export function AccountsPage({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
  const list = useInfiniteQuery({ ...accountListQuery(filter), placeholderData: keepPreviousData });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total ?? rows.length;
  const filtered = isNarrowed(filter);
  const selection = useSelection(rows, Math.max(total, rows.length), filter);
  const empty = list.isSuccess && rows.length === 0 && !list.isPlaceholderData;

  return (
    <Page name="Accounts">
      <PageHeader title="Accounts">
        <ConnectButton />
      </PageHeader>
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
            <NoMatch filter={filter} onChange={onChange} />
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
          <BulkBar selection={selection} total={Math.max(total, rows.length)} filter={filter} />
        </>
      )}
    </Page>
  );
}
