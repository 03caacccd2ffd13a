import { ActionIcon, Button, CloseButton, Group, Kbd, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch, IconTags } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { API } from "../../api/client";
import type { AccountFilter } from "../../api/keys";
import { counted } from "../../lib/format";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { Icon } from "../../ui/Icon";
import { part } from "../../ui/part";
import { useShortcuts } from "../../ui/shortcuts";
import { sessionQuery } from "../session/queries";
import classes from "./Accounts.module.css";
import { EVERYTHING, isNarrowed, PROVIDERS, STATUS } from "./filter";
import { accountUsersQuery } from "./queries";
import { tagsQuery } from "./tags";
import { STATES } from "./words";

const TagsDialog = part(() => import("./TagsDialog"));

const SEARCH_DELAY_MS = 200;
const STATES_TO_CHOOSE = STATUS.map((value) => ({ value, label: STATES[value].word }));
const PROVIDERS_TO_CHOOSE = Object.entries(PROVIDERS).map(([value, label]) => ({ value, label }));

export type Change = (change: AccountFilter) => void;

interface FiltersProps {
  filter: AccountFilter;
  onChange: Change;
  /** How many accounts match, while not all of them are asked for. */
  found: number | undefined;
}

interface Option {
  value: string;
  label: string;
}

/** Me, the team, and the others who have accounts; one that the address bar names stays in the choice. */
function useUsers(chosen: string | undefined): Option[] {
  const { data: session } = useQuery(sessionQuery);
  const { data } = useQuery(accountUsersQuery);
  const me = session?.user.id;
  const others = (data?.items ?? []).filter(({ id }) => id !== me);
  const users = [
    { value: "me", label: "Me" },
    { value: "team", label: "Team" },
    ...others.map(({ id, name }) => ({ value: id, label: name })),
  ];
  const known = !chosen || users.some(({ value }) => value === chosen);
  return known ? users : [...users, { value: chosen, label: chosen === me ? "Me, by name" : "Somebody" }];
}

function useTags(chosen: string | undefined): { tags: Option[]; tag: string | undefined } {
  const { data } = useQuery(tagsQuery);
  const tags = (data?.items ?? []).map(({ name }) => ({ value: name, label: name }));
  const known = tags.find(({ value }) => value.toLowerCase() === chosen?.toLowerCase());
  if (!chosen || known) return { tags, tag: known?.value };
  return { tags: [...tags, { value: chosen, label: chosen }], tag: chosen };
}

export function AccountFilters({ filter, onChange, found }: FiltersProps) {
  const users = useUsers(filter.user);
  const { tags, tag } = useTags(filter.tag);
  return (
    <Group gap="sm" className={classes.filters} role="search" aria-label="Filter accounts">
      <Search filter={filter} onChange={onChange} />
      <Choice
        name="Provider"
        data={PROVIDERS_TO_CHOOSE}
        value={filter.provider}
        onChange={(provider) => onChange({ provider })}
      />
      <Choice
        name="Status"
        data={STATES_TO_CHOOSE}
        value={filter.status}
        onChange={(status) => onChange({ status })}
      />
      <Choice name="User" data={users} value={filter.user} onChange={(user) => onChange({ user })} />
      <Group gap="xs" wrap="nowrap" className={classes.tagChoice}>
        <Choice name="Tag" data={tags} value={tag} onChange={(chosen) => onChange({ tag: chosen })} />
        <ManageTags filter={filter} onChange={onChange} />
      </Group>
      {isNarrowed(filter) && (
        <Button variant="subtle" color="gray" onClick={() => onChange(EVERYTHING)}>
          Clear
        </Button>
      )}
      <Text size="xs" c="dimmed" className={`${classes.found} figures`} role="status">
        {found !== undefined && `${counted(found, "account")} found`}
      </Text>
      <Export filter={filter} />
    </Group>
  );
}

function Search({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
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
  );
}

/** Opens the dialog that renames and removes tags. */
function ManageTags({ filter, onChange }: { filter: AccountFilter; onChange: Change }) {
  const [open, setOpen] = useState(false);
  const origin = useRef<HTMLElement>(undefined);
  const close = () => {
    setOpen(false);
    returnFocus(origin.current);
  };
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="input-sm"
        aria-label="Rename or remove tags"
        title="Rename or remove tags"
        onClick={() => {
          origin.current = focusOrigin();
          setOpen(true);
        }}
      >
        <Icon of={IconTags} />
      </ActionIcon>
      {open && (
        <TagsDialog
          chosen={filter.tag}
          onChosen={(tag) => onChange({ tag })}
          onClose={close}
          onMissing={close}
        />
      )}
    </>
  );
}

/** The list as it is filtered and sorted, as a file. */
function Export({ filter }: { filter: AccountFilter }) {
  const query = new URLSearchParams(
    Object.entries(filter).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  return (
    <Button
      component="a"
      href={`${API}/accounts/export?${query}`}
      download
      variant="default"
      className={classes.export}
    >
      Export
    </Button>
  );
}

function Choice(props: {
  name: string;
  data: Option[];
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
      searchable={props.data.length > 8}
      nothingFoundMessage="None of this name"
      clearButtonProps={{ "aria-label": `Any ${props.name.toLowerCase()}` }}
      className={classes.choice}
      comboboxProps={{ transitionProps: { duration: 0 } }}
    />
  );
}
