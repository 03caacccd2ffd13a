import { Chip, CloseButton, Group, Kbd, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Icon } from "../../ui/Icon";
import { useShortcuts } from "../../ui/shortcuts";
import classes from "./Mail.module.css";
import { CHIPS, hasPart, withPart } from "./search";

/** What the server reads of a search. */
const LONGEST = 1000;
const DELAY_MS = 250;

interface FieldProps {
  label: string;
  q: string;
  onSearch: (q: string) => void;
  /** The page is there for it. */
  first?: boolean;
}

/** The field of a search; what is typed is looked for when typing pauses. */
export function SearchField({ label, q, onSearch, first }: FieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(q);
  const apply = useDebouncedCallback((next: string) => onSearch(next.trim()), DELAY_MS);
  // The address bar is the truth: Back, and the chips, change the field too.
  useEffect(() => setText((now) => (now.trim() === q ? now : q)), [q]);
  useShortcuts([{ keys: "/", label, group: "This page", run: () => field.current?.focus() }]);
  const clear = () => {
    apply.cancel();
    setText("");
    onSearch("");
    field.current?.focus();
  };
  return (
    <TextInput
      ref={field}
      type="search"
      className={classes.searchField}
      aria-label={label}
      placeholder={label}
      maxLength={LONGEST}
      data-autofocus={first || undefined}
      autoFocus={first && q === ""}
      leftSection={<Icon of={IconSearch} />}
      rightSection={
        text ? (
          <CloseButton size="sm" aria-label="Clear the search" onClick={clear} />
        ) : (
          <Kbd visibleFrom="sm">/</Kbd>
        )
      }
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        apply(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          apply.cancel();
          onSearch(text.trim());
          // From here on j and k go through what was found.
          event.currentTarget.blur();
        }
        if (event.key === "Escape") {
          event.stopPropagation();
          if (text) clear();
          else event.currentTarget.blur();
        }
      }}
    />
  );
}

/** Parts of the search that are chosen instead of typed. */
export function SearchChips({ q, onSearch }: Pick<FieldProps, "q" | "onSearch">) {
  return (
    <Group gap="xs" role="group" aria-label="Narrow down">
      {CHIPS.map(({ part, label }) => (
        <Chip
          key={part}
          size="xs"
          classNames={{ label: classes.chip ?? "" }}
          checked={hasPart(q, part)}
          onChange={(on) => onSearch(withPart(q, part, on))}
        >
          {label}
        </Chip>
      ))}
    </Group>
  );
}
