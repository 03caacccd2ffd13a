import { Button, Group, List, Modal, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { AccountRow, Closing } from "../../api/client";
import { bytes, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { markClosing } from "./closing";
import { closingQuery, useDeleteAccount } from "./queries";

function Losses({ closing }: { closing: Closing }) {
  return (
    <List size="sm">
      <List.Item>
        {counted(closing.messages, "message")} ({bytes(closing.bytes)}) stored here. Nothing is deleted on the
        mail server.
      </List.Item>
      {closing.queued > 0 && (
        <List.Item>{counted(closing.queued, "queued message")}, never to be sent</List.Item>
      )}
      {closing.uncertain > 0 && (
        <List.Item>
          {counted(closing.uncertain, "message")} with an uncertain outcome, never to be cleared up
        </List.Item>
      )}
      <List.Item>The saved servers and passwords</List.Item>
    </List>
  );
}

/** Shows what goes with the account, and asks for its address to be typed. */
export default function DeleteDialog(props: {
  account: AccountRow;
  onClose: () => void;
  onDeleted: () => void;
}) {
  const { account, onClose, onDeleted } = props;
  const [typed, setTyped] = useState("");
  const closing = useQuery(closingQuery(account.id));
  const remove = useDeleteAccount(account.id);
  const same = typed.trim().toLowerCase() === account.address.toLowerCase();
  const submit = () =>
    remove.mutate(typed.trim(), {
      onSuccess: () => {
        markClosing(account.id);
        notifications.show({ message: `${account.address} is being deleted.` });
        onDeleted();
      },
    });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Delete ${account.address}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (same) submit();
        }}
      >
        <Stack>
          <Text>This removes for good:</Text>
          {closing.data ? (
            <Losses closing={closing.data} />
          ) : closing.error ? (
            <Banner tone="bad" alert>
              What depends on the account could not be loaded: {asApiError(closing.error).message}
            </Banner>
          ) : (
            <Stack gap="sm">
              <Skeleton h="1rem" />
              <Skeleton h="1rem" w="60%" />
            </Stack>
          )}
          {remove.error && (
            <Banner tone="bad" alert>
              {asApiError(remove.error).message}
            </Banner>
          )}
          <TextInput
            label={
              <>
                Type <strong>{account.address}</strong> to confirm
              </>
            }
            description="Capital and small letters are the same here."
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color="red" disabled={!same || !closing.data} loading={remove.isPending}>
              Delete account
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
