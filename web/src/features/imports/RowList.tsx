import { Button, Skeleton, Stack, Text } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Import, ImportRow } from "../../api/client";
import { keys } from "../../api/keys";
import { count } from "../../lib/format";
import { Banner } from "../../ui/Banner";
import { AnchorLink } from "../../ui/links";
import { LoadFailed } from "../../ui/Notice";
import { ServerWords } from "../../ui/ServerWords";
import { StateLabel } from "../../ui/StateLabel";
import { sizes } from "../../ui/theme";
import { VirtualRows } from "../../ui/VirtualRows";
import classes from "./Imports.module.css";
import { importRowsQuery, type Outcome } from "./queries";
import { problemWords, serversOf, stateOf } from "./words";

/** The rows of a file in its order. */
export function RowList({ run, outcome }: { run: Import; outcome: Outcome | undefined }) {
  const queryClient = useQueryClient();
  const list = useInfiniteQuery({
    ...importRowsQuery(run.id, outcome),
    placeholderData: keepPreviousData,
    // The live stream may be quicker than the answer that it is gone, and than the next drawing.
    enabled: () => queryClient.isMutating({ mutationKey: keys.importDiscard(run.id) }) === 0,
  });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  if (list.isPending) {
    return (
      <Stack gap="sm" role="status" aria-busy aria-label="Loading rows">
        {[1, 2, 3].map((row) => (
          <Skeleton key={row} h="3.5rem" />
        ))}
      </Stack>
    );
  }
  if (list.isError && rows.length === 0) {
    return <LoadFailed what="The rows" error={list.error} retry={() => void list.refetch()} />;
  }
  return (
    <div className={classes.rows} data-few={rows.length <= 5 || undefined}>
      <VirtualRows<ImportRow>
        items={rows}
        label="Rows of the file"
        plain
        estimate={sizes.importRow}
        keyOf={(row) => row.id}
        render={(row) => <Line row={row} />}
        more={list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : undefined}
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
              The next rows could not be loaded.
            </Banner>
          )
        }
      />
    </div>
  );
}

function Line({ row }: { row: ImportRow }) {
  const { word, tone, icon } = stateOf(row);
  const servers = serversOf(row);
  return (
    <div className={classes.line}>
      <Text size="xs" c="dimmed" className={`${classes.number} figures`}>
        Row {count(row.line)}
      </Text>
      <div className={classes.who}>
        <Text fw={500} className={classes.cut} dir="auto">
          {row.account_id ? (
            <AnchorLink to="/accounts/$id" params={{ id: row.account_id }}>
              {row.address}
            </AnchorLink>
          ) : (
            row.address || "No address"
          )}
        </Text>
        <Text size="xs" c="dimmed" className={classes.cut} dir="auto">
          {[row.display_name, servers].filter(Boolean).join(" · ") || "Servers are found when it is tested"}
        </Text>
      </div>
      <div className={classes.state}>
        <StateLabel tone={tone} icon={icon}>
          {word}
        </StateLabel>
      </div>
      {row.problems.length > 0 && (
        <ul className={classes.problems}>
          {row.problems.map((problem) => (
            <li key={`${problem.column} ${problem.message}`}>
              <Text size="xs" className={classes.wrapping}>
                {problemWords(problem)}
              </Text>
              {problem.server_words && <ServerWords>{problem.server_words}</ServerWords>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
