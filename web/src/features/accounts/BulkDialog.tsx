import { Autocomplete, Button, Group, Modal, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { BulkAction, BulkPreview, BulkRequest } from "../../api/client";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { ACTIONS, previewQuery, useStartBulk } from "./bulk";
import { MAX_TAG, tagsQuery } from "./tags";
import { Unchanged } from "./Unchanged";

// One file with it: both are dialogs of the same thing.
export { BulkRun } from "./BulkRun";

const TYPING_MS = 250;

interface BulkDialogProps {
  action: BulkAction;
  request: BulkRequest;
  selected: number;
  onClose: () => void;
  onBegun: (run: string) => void;
}

/** Shows what would change, and asks. */
export default function BulkDialog({ action, request, selected, onClose, onBegun }: BulkDialogProps) {
  const title = `${ACTIONS[action].title} ${counted(selected, "account")}`;
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <Asking action={action} request={request} onClose={onClose} onBegun={onBegun} />
    </Modal>
  );
}

interface AskingProps {
  action: BulkAction;
  request: BulkRequest;
  onClose: () => void;
  onBegun: (run: string) => void;
}

function Asking({ action, request, onClose, onBegun }: AskingProps) {
  const tagged = action === "add_tag" || action === "remove_tag";
  const [tag, setTag] = useState("");
  const [typed, setTyped] = useState("");
  const [settled] = useDebouncedValue(tag.trim(), TYPING_MS);
  const asked: BulkRequest = tagged ? { ...request, tag: settled } : request;
  const preview = useQuery({ ...previewQuery(asked), enabled: !tagged || settled !== "" });
  const start = useStartBulk();
  const changing = preview.data?.changing ?? 0;
  const current = preview.isSuccess && !preview.isPlaceholderData && (!tagged || settled === tag.trim());
  const confirmed = action !== "delete" || typed.replace(/\D/g, "") === String(changing);
  const ready = current && changing > 0 && confirmed;
  const submit = () => {
    const body = action === "delete" ? { ...asked, confirm: changing } : asked;
    start.mutate(body, { onSuccess: ({ id }) => onBegun(id) });
  };
  const wrong = start.error ?? preview.error;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) submit();
      }}
    >
      <Stack>
        {tagged && <TagField adding={action === "add_tag"} value={tag} onChange={setTag} />}
        {wrong ? (
          <Banner tone="bad" alert>
            {asApiError(wrong).message}
          </Banner>
        ) : preview.data && (!tagged || settled) ? (
          <Preview action={action} preview={preview.data} />
        ) : tagged ? (
          <Text c="dimmed">
            {action === "add_tag" ? "Choose a tag, or type a new one." : "Choose a tag."}
          </Text>
        ) : (
          <Skeleton h="3rem" />
        )}
        {action === "delete" && changing > 0 && (
          <TextInput
            label={
              <>
                Type <strong>{changing}</strong> to confirm
              </>
            }
            inputMode="numeric"
            autoComplete="off"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            data-autofocus
          />
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            color={action === "delete" ? "red" : undefined}
            disabled={!ready}
            loading={start.isPending}
            data-autofocus={(!tagged && action !== "delete") || undefined}
          >
            {ACTIONS[action].button}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function TagField(props: { adding: boolean; value: string; onChange: (tag: string) => void }) {
  const { data } = useQuery(tagsQuery);
  return (
    <Autocomplete
      label="Tag"
      data={data?.items.map(({ name }) => name) ?? []}
      value={props.value}
      onChange={props.onChange}
      maxLength={MAX_TAG}
      limit={50}
      description={props.adding ? "One that is not there yet is made." : undefined}
      comboboxProps={{ transitionProps: { duration: 0 } }}
      data-autofocus
    />
  );
}

function Preview({ action, preview }: { action: BulkAction; preview: BulkPreview }) {
  return (
    <div role="status">
      <Text fw={600} className="figures">
        {counted(preview.changing, "account")} {ACTIONS[action].will}
        {preview.makes_tag && ", which is new"}.
      </Text>
      {action === "delete" && preview.changing > 0 && (
        <Text mt="xs">
          Their mail here, their saved passwords and what waits to be sent go with them. Nothing is deleted on
          the mail servers.
        </Text>
      )}
      <Unchanged of={preview} words="will not change" />
    </div>
  );
}
