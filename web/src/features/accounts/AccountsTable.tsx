import { Button, Skeleton, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArrowDown, IconArrowsSort, IconArrowUp } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import {
  flexRender,
  getCoreRowModel,
  type Header,
  type Row,
  type RowData,
  useReactTable,
} from "@tanstack/react-table";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { AccountRow } from "../../api/client";
import type { AccountFilter } from "../../api/keys";
import { Banner } from "../../ui/Banner";
import { Check } from "../../ui/Check";
import { Icon } from "../../ui/Icon";
import type { Selection } from "../../ui/selection";
import { useShortcuts } from "../../ui/shortcuts";
import { media, sizes } from "../../ui/theme";
import { useListKeys } from "../../ui/useListKeys";
import { useSendPanel } from "../send/SendPanelProvider";
import type { Change } from "./AccountFilters";
import { AccountContextMenu, AccountMenuButton, type MenuPoint, useDeleteDialog } from "./AccountMenu";
import classes from "./Accounts.module.css";
import { COLUMNS_SHOWN, columns, type Density } from "./columns";

declare module "@tanstack/react-table" {
  interface TableMeta<TData extends RowData> {
    density: Density;
    menu: (row: TData) => ReactNode;
  }
}

const FIRST_SKELETONS = 8;
/** How far before the end of what is loaded the next page is fetched. */
const AHEAD = 30;

interface TableProps {
  rows: AccountRow[];
  selection: Selection;
  /** Of all accounts that match: the scroll bar is true from the first page on. */
  total: number;
  loading: boolean;
  /** The rows are of an earlier filter. */
  stale: boolean;
  more: (() => void) | undefined;
  failed: (() => void) | undefined;
  filter: AccountFilter;
  onChange: Change;
}

function useDensity(): Density {
  const options = { getInitialValueInEffect: false };
  const compact = useMediaQuery(media.compact, false, options);
  const few = useMediaQuery(media.few, false, options);
  const middle = useMediaQuery(media.middle, false, options);
  if (compact) return "cards";
  if (few) return "few";
  return middle ? "middle" : "full";
}

/** Rows of a window-scrolled table: only those in view exist, between two spacers. */
function useRows(length: number, height: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(document.body);
    return () => watcher.disconnect();
  }, []);
  const virtualizer = useWindowVirtualizer({
    count: length,
    estimateSize: () => height,
    overscan: sizes.overscan,
    scrollMargin: top,
    scrollPaddingStart: sizes.accountRow * 2,
    scrollPaddingEnd: sizes.accountRow,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height makes every measured place wrong
  useEffect(() => virtualizer.measure(), [height]);
  const items = virtualizer.getVirtualItems();
  const before = Math.max(0, (items[0]?.start ?? top) - top);
  const after = Math.max(0, virtualizer.getTotalSize() - ((items.at(-1)?.end ?? top) - top));
  return { body, items, before, after, virtualizer };
}

export function AccountsTable(props: TableProps) {
  const { rows, selection, total, loading, stale, more, failed, filter, onChange } = props;
  const navigate = useNavigate();
  const density = useDensity();
  const [menuAt, setMenuAt] = useState<MenuPoint>();
  const { ask, dialog } = useDeleteDialog();
  const { open: openSend } = useSendPanel();
  const shown = COLUMNS_SHOWN[density];

  const table = useReactTable({
    data: rows,
    columns,
    getRowId: (row) => row.id,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    state: { columnVisibility: Object.fromEntries(COLUMNS_SHOWN.full.map((id) => [id, shown.includes(id)])) },
    meta: { density, menu: (account) => <AccountMenuButton account={account} onDelete={ask} /> },
  });
  const model = table.getRowModel().rows;
  const height = density === "cards" ? sizes.accountCard : sizes.accountRow;
  const { body, items, before, after, virtualizer } = useRows(loading ? FIRST_SKELETONS : total, height);

  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !failed && last >= rows.length - AHEAD) more();
  }, [more, failed, last, rows.length]);

  const show = useCallback(
    (index: number) => virtualizer.scrollToIndex(index, { align: "auto" }),
    [virtualizer],
  );
  const open = (index: number) => {
    const account = rows[index];
    if (account) void navigate({ to: "/accounts/$id/mail", params: { id: account.id } });
  };
  const { active, setActive } = useListKeys({ length: rows.length, show, open, noun: "account" });
  const chosen = rows[active];
  const allLoaded = rows.length > 0 && rows.every(({ id }) => selection.has(id));
  useShortcuts([
    {
      keys: "x",
      label: "Select the marked account",
      group: "Lists",
      run: () => selection.toggle(active, false),
    },
    {
      keys: "X",
      label: "Select from the last one to the marked account",
      group: "Lists",
      run: () => selection.toggle(active, true),
    },
    {
      keys: "c",
      label: "Send email from the marked account",
      group: "Lists",
      run: () => {
        if (chosen?.can_send) return openSend(chosen);
        const message = chosen
          ? `${chosen.address} does not send.`
          : "Mark an account first: j and k move the mark.";
        notifications.show({ id: "c", message });
      },
    },
  ]);
  const onContextMenu = (event: MouseEvent, index: number) => {
    const account = rows[index];
    // A link keeps the browser's own menu.
    if (!account || (event.target instanceof Element && event.target.closest("a"))) return;
    event.preventDefault();
    setActive(index);
    setMenuAt({ account, x: event.clientX, y: event.clientY });
  };

  return (
    <>
      <table
        className={classes.table}
        data-density={density}
        data-stale={stale || undefined}
        aria-busy={loading || stale}
        aria-rowcount={loading ? -1 : total + 1}
      >
        <caption className={classes.caption}>Connected email accounts</caption>
        <thead className={classes.head}>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              <th scope="col" data-column="select">
                <Check
                  label="Select every account that is loaded"
                  disabled={rows.length === 0}
                  checked={allLoaded}
                  partly={selection.count > 0 && !allLoaded}
                  onChange={selection.toggleLoaded}
                />
              </th>
              {group.headers.map((header) => (
                <HeaderCell key={header.id} header={header} filter={filter} onChange={onChange} />
              ))}
            </tr>
          ))}
        </thead>
        <tbody ref={body}>
          <Spacer height={before} span={shown.length + 1} />
          {items.map(({ index, key }) => {
            const row = model[index];
            if (!row) return <SkeletonRow key={key} shown={shown} />;
            return (
              <AccountTableRow
                key={row.id}
                row={row}
                shown={shown}
                index={index}
                marked={index === active}
                selection={selection}
                onContextMenu={onContextMenu}
              />
            );
          })}
          <Spacer height={after} span={shown.length + 1} />
        </tbody>
      </table>
      {failed && (
        <Banner
          tone="bad"
          alert
          action={
            <Button size="compact-sm" variant="default" onClick={failed}>
              Try again
            </Button>
          }
        >
          The next accounts could not be loaded.
        </Banner>
      )}
      <AccountContextMenu at={menuAt} onClose={() => setMenuAt(undefined)} onDelete={ask} />
      {dialog}
    </>
  );
}

function Spacer({ height, span }: { height: number; span: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden className={classes.spacer}>
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}

function HeaderCell(props: { header: Header<AccountRow, unknown>; filter: AccountFilter; onChange: Change }) {
  const { header, filter, onChange } = props;
  const id = header.column.id;
  const words = flexRender(header.column.columnDef.header, header.getContext());
  if (!header.column.columnDef.enableSorting) {
    return (
      <th scope="col" data-column={id}>
        <span className={classes.caption}>{words}</span>
      </th>
    );
  }
  const sorted = (filter.sort ?? "address") === id ? (filter.dir ?? "asc") : undefined;
  const next = sorted === "asc" ? "desc" : "asc";
  const shape = sorted === "asc" ? IconArrowUp : sorted === "desc" ? IconArrowDown : IconArrowsSort;
  return (
    <th
      scope="col"
      data-column={id}
      aria-sort={sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : "none"}
    >
      <UnstyledButton
        className={classes.sort}
        data-sorted={sorted}
        onClick={() => onChange({ sort: id, dir: sorted ? next : id === "sent" ? "desc" : "asc" })}
      >
        {words}
        <Icon of={shape} />
      </UnstyledButton>
    </th>
  );
}

function AccountTableRow(props: {
  row: Row<AccountRow>;
  shown: string[];
  index: number;
  marked: boolean;
  selection: Selection;
  onContextMenu: (event: MouseEvent, index: number) => void;
}) {
  const { row, shown, index, marked, selection, onContextMenu } = props;
  const selected = selection.has(row.id);
  // A change tells nothing of the keys that were held; the click before it does.
  const range = useRef(false);
  return (
    <tr
      className={classes.row}
      data-marked={marked || undefined}
      data-selected={selected || undefined}
      aria-current={marked || undefined}
      aria-rowindex={index + 2}
      onContextMenu={(event) => onContextMenu(event, index)}
    >
      <td data-column="select">
        <Check
          label={`Select ${row.original.address}`}
          checked={selected}
          disabled={selection.all}
          onClick={(event) => {
            range.current = event.shiftKey;
          }}
          onChange={() => selection.toggle(index, range.current)}
        />
      </td>
      {row
        .getVisibleCells()
        .filter((cell) => shown.includes(cell.column.id))
        .map((cell) => (
          <td key={cell.id} data-column={cell.column.id}>
            {flexRender(cell.column.columnDef.cell, cell.getContext())}
          </td>
        ))}
    </tr>
  );
}

function SkeletonRow({ shown }: { shown: string[] }) {
  return (
    <tr className={classes.row} aria-hidden>
      <td data-column="select" />
      {shown.map((id) => (
        <td key={id} data-column={id}>
          <SkeletonCell id={id} card={!shown.includes("status")} />
        </td>
      ))}
    </tr>
  );
}

/** Stands where the words will. A card has four lines of them. */
function SkeletonCell({ id, card }: { id: string; card: boolean }) {
  if (id === "edit" || id === "actions") return null;
  if (id === "sent") return <Skeleton h="0.75rem" w="50%" ml="auto" />;
  if (id !== "address") return <Skeleton h="0.75rem" w="70%" />;
  return (
    <>
      <Skeleton h="0.75rem" w={card ? "45%" : "60%"} />
      <Skeleton h="0.625rem" w={card ? "60%" : "80%"} mt="sm" />
      {card && (
        <>
          <Skeleton h="0.625rem" w="35%" mt="sm" />
          <Skeleton h="0.625rem" w="70%" mt="sm" />
        </>
      )}
    </>
  );
}
