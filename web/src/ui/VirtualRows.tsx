import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import { sizes } from "./theme";
import classes from "./VirtualRows.module.css";

/** How far before the end the next page is asked for. */
const AHEAD = 10;

interface VirtualRowsProps<T> {
  items: T[];
  label: string;
  /** Of one row before it was measured. */
  estimate: number;
  keyOf: (item: T) => string;
  render: (item: T, index: number) => ReactNode;
  /** Fetches the next page; undefined while there is none, or while it is on its way. */
  more: (() => void) | undefined;
  /** Gets the function that brings a row into view. */
  onReady?: (show: (index: number) => void) => void;
  /** Below the last row: an error, or the end. */
  foot?: ReactNode;
  /** The rows hold nothing to come to by keyboard: the list itself is come to, and scrolls. */
  plain?: boolean;
}

/** A long list that scrolls by itself; only rows in view exist. Rows may differ in height. */
export function VirtualRows<T>(props: VirtualRowsProps<T>) {
  const { items, label, estimate, keyOf, render, more, onReady, foot, plain } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: items.length,
    estimateSize: () => estimate,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : keyOf(item);
    },
    overscan: sizes.overscan,
  });
  const rows = virtualizer.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= items.length - AHEAD) more();
  }, [more, last, items.length]);
  useEffect(() => {
    onReady?.((index) => virtualizer.scrollToIndex(index, { align: "auto" }));
  }, [onReady, virtualizer]);
  return (
    <div ref={scroller} className={classes.scroller} {...(plain ? { tabIndex: 0 } : {})}>
      <ul aria-label={label} className={classes.list} style={{ height: virtualizer.getTotalSize() }}>
        {rows.map(({ index, key, start }) => {
          const item = items[index];
          if (item === undefined) return null;
          return (
            <li
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              className={classes.row}
              style={{ transform: `translateY(${start}px)` }}
            >
              {render(item, index)}
            </li>
          );
        })}
      </ul>
      {foot}
    </div>
  );
}
