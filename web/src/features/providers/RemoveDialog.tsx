import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { OAuthApp } from "../../api/client";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { isolated } from "../../lib/texts";
import { Banner } from "../../ui/Banner";
import { useRemoveApp } from "./queries";

interface RemoveDialogProps {
  app: OAuthApp;
  label: string;
  onClose: () => void;
}

/** Asks before an app is removed. One that accounts live by stays. */
export default function RemoveDialog({ app, label, onClose }: RemoveDialogProps) {
  const remove = useRemoveApp(app.id ?? "");
  const used = app.accounts > 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Remove the app ${isolated(app.name)}?`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        {used ? (
          <Text>
            {counted(app.accounts, "account lives", "accounts live")} by this app. Reconnect them with another
            one, or delete them, before you remove it.
          </Text>
        ) : (
          <Text>
            Its client ID and secret are deleted here. At {label} the app stays until you remove it there.
          </Text>
        )}
        {remove.error && (
          <Banner tone="bad" alert>
            {asApiError(remove.error).message}
          </Banner>
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose} data-autofocus>
            {used ? "Close" : "Cancel"}
          </Button>
          {!used && (
            <Button
              color="red"
              loading={remove.isPending}
              onClick={() =>
                remove.mutate(undefined, {
                  onSuccess: () => {
                    notifications.show({ message: "The app is removed." });
                    onClose();
                  },
                })
              }
            >
              Remove app
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
