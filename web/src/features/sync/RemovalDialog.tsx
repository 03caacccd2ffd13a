import { Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { counted } from "../../lib/format";
import classes from "./Sync.module.css";
import type { Removal } from "./useSyncForm";

/** Names that are told; the rest is counted. */
const NAMED = 8;

/** Asks before messages disappear here. */
export default function RemovalDialog(props: {
  removal: Removal;
  busy: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { removal, busy, onConfirm, onClose } = props;
  const { messages, folders } = removal;
  const more = folders.length - NAMED;
  return (
    <Modal
      opened
      onClose={onClose}
      title={folders.length === 1 ? "Leave out this folder?" : `Leave out ${folders.length} folders?`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        <List size="sm">
          {folders.slice(0, NAMED).map(({ id, name }) => (
            <List.Item key={id}>
              <bdi className={classes.wrapping}>{name}</bdi>
            </List.Item>
          ))}
          {more > 0 && <List.Item>{counted(more, "more folder")}</List.Item>}
        </List>
        <Text>
          <strong>{counted(messages, "message")}</strong> {messages === 1 ? "lies" : "lie"} in no other folder
          that is copied and {messages === 1 ? "disappears" : "disappear"} here.
        </Text>
        <Text c="dimmed">
          On the mail server nothing changes. A folder that is chosen again is imported again, as far back as
          "Mail to import" reaches.
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button color="red" loading={busy} onClick={onConfirm}>
            Leave out and save
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
