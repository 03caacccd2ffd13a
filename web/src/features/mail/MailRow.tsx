import type { ReactNode } from "react";
import { useRef } from "react";
import { Check } from "../../ui/Check";
import type { Selection } from "../../ui/selection";
import classes from "./MailRow.module.css";

interface RowProps {
  id: string;
  index: number;
  /** What is read out beside the box. */
  subject: string;
  selection: Selection;
  children: ReactNode;
}

/** A line of a list with its box. The box shows where it is pointed at, and in every row while something is chosen. */
export function MailRow({ id, index, subject, selection, children }: RowProps) {
  const selected = selection.has(id);
  // A change tells nothing of the keys that were held; the click before it does.
  const range = useRef(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a second way to the box, which has the keys
    <div
      className={classes.row}
      data-selected={selected || undefined}
      data-choosing={selection.count > 0 || undefined}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
      onClickCapture={(event) => {
        // On the line itself Shift would open a window.
        if (!event.shiftKey || !(event.target instanceof Element) || !event.target.closest("a")) return;
        event.preventDefault();
        event.stopPropagation();
        selection.toggle(index, true);
      }}
    >
      <span className={classes.box}>
        <Check
          label={`Select: ${subject || "(no subject)"}`}
          checked={selected}
          onClick={(event) => {
            range.current = event.shiftKey;
          }}
          onChange={() => selection.toggle(index, range.current)}
        />
      </span>
      {children}
    </div>
  );
}
