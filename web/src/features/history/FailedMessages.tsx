import { Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { count, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { LoadFailed } from "../../ui/Notice";
import { ServerWords } from "../../ui/ServerWords";
import { Time } from "../../ui/Time";
import { failedQuery, useRetry } from "./queries";
import classes from "./Sync.module.css";
import { CLASS } from "./words";

/** The messages that the server did not give, with its words; all of them can be tried again. */
export function FailedMessages({ accountId, canRetry }: { accountId: string; canRetry: boolean }) {
  const list = useInfiniteQuery(failedQuery(accountId));
  const retry = useRetry(accountId);
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.isPending) {
    return (
      <Text c="dimmed" role="status">
        Loading the messages…
      </Text>
    );
  }
  if (list.isError && items.length === 0) {
    return <LoadFailed what="The failed messages" error={list.error} retry={() => void list.refetch()} />;
  }
  if (items.length === 0) return <Text role="status">All of them are here now.</Text>;
  return (
    <Stack gap="sm">
      <ul className={classes.failed} aria-label="Messages that could not be fetched">
        {items.map((each) => (
          <li key={`${each.folder_id} ${each.uid}`} className={classes.lost}>
            <Text fw={500}>
              {each.folder_name}, number {each.uid}
            </Text>
            <Text size="sm">{CLASS[each.class]}</Text>
            {each.server_words && <ServerWords>{each.server_words}</ServerWords>}
            <Text size="xs" c="dimmed">
              {each.waits
                ? "Is being tried again."
                : `Tried ${count(each.attempts)} ${each.attempts === 1 ? "time" : "times"}, last`}{" "}
              {!each.waits && <Time at={each.failed_at} />}
            </Text>
          </li>
        ))}
      </ul>
      {retry.isError && (
        <Banner tone="bad" alert>
          {asApiError(retry.error).message}
        </Banner>
      )}
      <Group gap="sm">
        {canRetry && (
          <Button
            variant="default"
            loading={retry.isPending}
            onClick={() =>
              retry.mutate(items.map(({ folder_id, uid }) => ({ folder_id, uid })).slice(0, 1_000))
            }
          >
            Retry {items.length === 1 ? "this" : "these"} {counted(items.length, "message")}
          </Button>
        )}
        {list.hasNextPage && (
          <Button
            variant="default"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            Show more
          </Button>
        )}
      </Group>
    </Stack>
  );
}
