import {
  Autocomplete,
  Button,
  Group,
  List,
  Modal,
  Progress,
  Skeleton,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { BulkAction, BulkPreview, BulkRequest, BulkRun } from "../../api/client";
import { count, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import classes from "./Accounts.module.css";
import { ACTIONS, previewQuery, refreshAll, runQuery, tellEnd, useStartBulk } from "./bulk";
import { MAX_TAG, tagsQuery } from "./tags";

const TYPING_MS = 250;

interface BulkDialogProps {
  action: BulkAction;
  request: BulkRequest;
  selected: number;
  onClose: () => void;
  /** It has begun: the choice has done its service. */
  onBegun: () => void;
}

/** Shows what would change, asks, and follows it to its end. */
export default function BulkDialog({ action, request, selected, onClose, onBegun }: BulkDialogProps) {
  const [run, setRun] = useState<string>();
  const title = `${ACTIONS[action].title} ${counted(selected, "account")}`;
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      {run ? (
        <Doing id={run} onClose={onClose} />
      ) : (
        <Asking
          action={action}
          request={request}
          onClose={onClose}
          onBegun={(id) => {
            setRun(id);
            onBegun();
          }}
        />
      )}
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

/** How many do not change, and why. */
function Unchanged({ of, words }: { of: Pick<BulkPreview, "unchanged">; words: string }) {
  const total = of.unchanged.reduce((sum, each) => sum + each.count, 0);
  if (total === 0) return null;
  return (
    <>
      <Text mt="sm" className="figures">
        {counted(total, "account")} {words}:
      </Text>
      <List size="sm" mt="xs">
        {of.unchanged.map(({ outcome, count: number, text }) => (
          <List.Item key={outcome} className="figures">
            {count(number)}: {text}
          </List.Item>
        ))}
      </List>
    </>
  );
}

/** Follows a run. One that ends well while it is looked at closes by itself and leaves its notice. */
function Doing({ id, onClose }: { id: string; onClose: () => void }) {
  const queryClient = useQueryClient();
  const { data: run, error } = useQuery(runQuery(id));
  const told = useRef(false);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    if (!run?.finished || told.current) return;
    told.current = true;
    void refreshAll(queryClient);
    tellEnd(queryClient, run);
    if (run.failed.length === 0) close.current();
  }, [run, queryClient]);
  return (
    <Stack>
      {error ? (
        <Banner tone="bad" alert>
          How far it is cannot be seen: {asApiError(error).message} It goes on by itself.
        </Banner>
      ) : (
        run && (run.finished ? <Ended run={run} /> : <Running run={run} />)
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
      </Group>
    </Stack>
  );
}

function Running({ run }: { run: BulkRun }) {
  return (
    <>
      <Text className="figures" role="status">
        {count(run.done)} of {count(run.total)} done. It goes on when you close this.
      </Text>
      <Progress value={run.total === 0 ? 100 : (run.done / run.total) * 100} aria-label="Accounts done" />
    </>
  );
}

function Ended({ run }: { run: BulkRun }) {
  const hidden = run.unchanged.reduce((sum, each) => sum + (each.outcome === "already" ? 0 : each.count), 0);
  return (
    <>
      <Text fw={600} className="figures" role="status">
        {counted(run.changed, "account")} {ACTIONS[run.action].did}.
      </Text>
      <Unchanged of={run} words="did not change" />
      <ul className={classes.failures} aria-label="Accounts that did not change">
        {run.failed.map(({ account_id, address, text }) => (
          <li key={account_id}>
            <strong>{address ?? "An account that you do not see"}</strong>: {text}
          </li>
        ))}
      </ul>
      {hidden > run.failed.length && (
        <Text c="dimmed" className="figures">
          And {count(hidden - run.failed.length)} more.
        </Text>
      )}
    </>
  );
}
