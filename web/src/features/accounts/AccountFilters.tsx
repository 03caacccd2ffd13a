import { CloseButton, Group, Kbd, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import type { AccountFilter } from "../../api/keys";
import { counted } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import { useShortcuts } from "../../ui/shortcuts";
import classes from "./Accounts.module.css";
import { STATUS } from "./filter";
import { STATES } from "./words";

const SEARCH_DELAY_MS = 200;
const STATES_TO_CHOOSE = STATUS.map((value) => ({ value, label: STATES[value].word }));
const USERS = [
  { value: "me", label: "Me" },
  { value: "team", label: "Team" },
];

export type Change = (change: AccountFilter) => void;

interface FiltersProps {
  filter: AccountFilter;
  onChange: Change;
  /** How many accounts match, while not all of them are asked for. */
  found: number | undefined;
}

export function AccountFilters({ filter, onChange, found }: FiltersProps) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filter.search ?? "");
  const apply = useDebouncedCallback(
    (search: string) => onChange({ search: search.trim() || undefined }),
    SEARCH_DELAY_MS,
  );
  // The address bar is the truth: Back, and "clear filters", change the field too.
  useEffect(
    () => setText((now) => (now.trim() === (filter.search ?? "") ? now : (filter.search ?? ""))),
    [filter.search],
  );
  useShortcuts([
    { keys: "/", label: "Search accounts", group: "This page", run: () => field.current?.focus() },
  ]);
  const clear = () => {
    setText("");
    onChange({ search: undefined });
    field.current?.focus();
  };
  return (
    <Group gap="sm" className={classes.filters} role="search">
      <TextInput
        ref={field}
        className={classes.searchField}
        aria-label="Search accounts"
        placeholder="Search name or address"
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
          if (event.key !== "Escape") return;
          if (text) clear();
          else event.currentTarget.blur();
        }}
      />
      <Choice
        name="Status"
        data={STATES_TO_CHOOSE}
        value={filter.status}
        onChange={(status) => onChange({ status })}
      />
      <Choice name="User" data={USERS} value={filter.user} onChange={(user) => onChange({ user })} />
      <Text size="xs" c="dimmed" className={`${classes.found} figures`} role="status">
        {found !== undefined && `${counted(found, "account")} found`}
      </Text>
    </Group>
  );
}

function Choice(props: {
  name: string;
  data: { value: string; label: string }[];
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  return (
    <Select
      aria-label={props.name}
      placeholder={props.name}
      data={props.data}
      value={props.value ?? null}
      onChange={(value) => props.onChange(value ?? undefined)}
      clearable
      clearButtonProps={{ "aria-label": `Any ${props.name.toLowerCase()}` }}
      className={classes.choice}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}
