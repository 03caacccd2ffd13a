import { CloseButton, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./SelectionBar.module.css";

interface BarProps {
  label: string;
  /** How many are chosen. */
  words: string;
  /** Beside that: how to choose more. */
  more?: ReactNode;
  /** What can be done with them. */
  children: ReactNode;
  onClear: () => void;
  className?: string | undefined;
}

/** Stands over a list while something is chosen. */
export function SelectionBar({ label, words, more, children, onClear, className = "" }: BarProps) {
  return (
    <section className={`${classes.bar} ${className}`} aria-label={label}>
      <Group gap="sm" className={classes.count}>
        <Text fw={600} className="figures" role="status">
          {words}
        </Text>
        {more}
      </Group>
      <Group gap="xs">{children}</Group>
      <CloseButton aria-label="Clear the selection" onClick={onClear} className={classes.clear} />
    </section>
  );
}
