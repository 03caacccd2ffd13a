import { ActionIcon, Button, Group, Modal, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Tag } from "../../api/client";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import classes from "./Tags.module.css";
import { useRemoveTag, useRenameTag } from "./tagChanges";
import { MAX_TAG, tagsQuery } from "./tags";

interface TagsDialogProps {
  /** The tag that the list is filtered by: it goes by its new name, or not at all, after a change. */
  chosen: string | undefined;
  onChosen: (tag: string | undefined) => void;
  onClose: () => void;
}

/** Renames and removes the workspace's tags. */
export default function TagsDialog({ chosen, onChosen, onClose }: TagsDialogProps) {
  const { data, error } = useQuery(tagsQuery);
  return (
    <Modal opened onClose={onClose} title="Tags" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        {error ? (
          <Banner tone="bad" alert>
            The tags could not be loaded: {asApiError(error).message}
          </Banner>
        ) : !data ? (
          <Skeleton h="4rem" />
        ) : data.items.length === 0 ? (
          <Text>
            There are no tags yet. Type one in an account’s settings, or choose accounts in the list and “Add
            tag”.
          </Text>
        ) : (
          <>
            {!data.can_manage && <Text c="dimmed">An admin can rename and remove them.</Text>}
            <ul className={classes.entries} aria-label="Tags of the workspace">
              {data.items.map((tag) => (
                <Entry
                  key={tag.id}
                  tag={tag}
                  editable={data.can_manage}
                  onChanged={(name) => {
                    if (chosen?.toLowerCase() === tag.name.toLowerCase()) onChosen(name);
                  }}
                />
              ))}
            </ul>
          </>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Entry(props: { tag: Tag; editable: boolean; onChanged: (name: string | undefined) => void }) {
  const { tag, editable, onChanged } = props;
  const [name, setName] = useState(tag.name);
  const [asked, setAsked] = useState(false);
  const rename = useRenameTag(tag.id);
  const remove = useRemoveTag(tag.id);
  const wrong = rename.error ?? remove.error;
  const changed = name.trim() !== "" && name.trim() !== tag.name;
  return (
    <li>
      <form
        className={classes.entry}
        onSubmit={(event) => {
          event.preventDefault();
          if (changed) rename.mutate(name.trim(), { onSuccess: () => onChanged(name.trim()) });
        }}
      >
        <TextInput
          aria-label={`Name of the tag ${tag.name}`}
          dir="auto"
          value={name}
          maxLength={MAX_TAG}
          readOnly={!editable}
          onChange={(event) => setName(event.currentTarget.value)}
          description={counted(tag.accounts, "account")}
          error={wrong ? asApiError(wrong).message : undefined}
        />
        {editable && (
          <Button type="submit" variant="default" disabled={!changed} loading={rename.isPending}>
            Rename
          </Button>
        )}
        {editable &&
          (asked ? (
            <Button
              color="red"
              loading={remove.isPending}
              onClick={() => remove.mutate(undefined, { onSuccess: () => onChanged(undefined) })}
              data-autofocus
            >
              Remove
            </Button>
          ) : (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="input-sm"
              aria-label={`Remove the tag ${tag.name}`}
              onClick={() => setAsked(true)}
            >
              <Icon of={IconTrash} />
            </ActionIcon>
          ))}
      </form>
    </li>
  );
}
