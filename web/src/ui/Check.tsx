import type { MouseEvent } from "react";
import classes from "./Check.module.css";

/** A box in a row of a table. The browser's own: there may be hundreds on screen, and they need no more. */
export function Check(props: {
  label: string;
  checked: boolean;
  /** Some, not all. */
  partly?: boolean;
  disabled?: boolean;
  onClick?: (event: MouseEvent) => void;
  onChange: () => void;
}) {
  const { label, checked, partly = false, disabled = false, onClick, onChange } = props;
  return (
    <label className={classes.place}>
      <input
        ref={(box) => {
          if (box) box.indeterminate = partly;
        }}
        type="checkbox"
        className={classes.box}
        aria-label={label}
        checked={checked}
        disabled={disabled}
        onClick={onClick}
        onChange={onChange}
      />
    </label>
  );
}
