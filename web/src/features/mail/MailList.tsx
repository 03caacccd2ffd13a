import { Button } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Banner } from "../../ui/Banner";
import type { Selection } from "../../ui/selection";
import { sizes } from "../../ui/theme";
import { VirtualRows } from "../../ui/VirtualRows";
import type { Target } from "./acts";
import { MailBar } from "./MailBar";
import { MailRow } from "./MailRow";
import type { Rest } from "./useRest";

interface Pages {
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** Asks for more by itself as long as what is here is not enough to show. */
export function useMore({ hasNextPage, isFetching, isError, fetchNextPage }: Pages, enough: boolean): void {
  const goOn = !enough && hasNextPage && !isFetching && !isError;
  useEffect(() => {
    if (goOn) void fetchNextPage();
  }, [goOn, fetchNextPage]);
}

interface MailListProps<Row extends Target & { subject: string }> {
  label: string;
  items: Row[];
  list: Pages;
  /** What [`useMailRows`] gave. */
  rows: {
    active: number;
    onReady: (show: (index: number) => void) => void;
    selection: Selection;
    chosen: Target[];
  };
  rest: Rest;
  /** What is said where the next page does not come. */
  broken: string;
  line: (row: Row, marked: boolean) => ReactNode;
}

/** Rows of mail that can be chosen, and the bar for those that are. */
export function MailList<Row extends Target & { subject: string }>(props: MailListProps<Row>) {
  const { label, items, list, rows, rest, broken, line } = props;
  const { active, onReady, selection, chosen } = rows;
  const more = () => void list.fetchNextPage();
  return (
    <>
      {items.length > 0 && (
        <VirtualRows<Row>
          items={items}
          label={label}
          estimate={sizes.messageRow}
          keyOf={(each) => each.id}
          render={(each, index) => (
            <MailRow id={each.id} index={index} subject={each.subject} selection={selection}>
              {line(each, index === active)}
            </MailRow>
          )}
          more={list.hasNextPage && !list.isFetching ? more : undefined}
          onReady={onReady}
          foot={list.isFetchNextPageError && <Broken retry={more}>{broken}</Broken>}
        />
      )}
      <MailBar selection={selection} chosen={chosen} loaded={items} rest={rest} />
    </>
  );
}

function Broken({ retry, children }: { retry: () => void; children: string }) {
  const again = (
    <Button size="compact-sm" variant="default" onClick={retry}>
      Try again
    </Button>
  );
  return (
    <Banner tone="bad" alert action={again}>
      {children}
    </Banner>
  );
}
