import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import type { OAuthApp, OAuthProviderSettings } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { ErrorSummary, type SummaryEntry } from "../../ui/ErrorSummary";
import { SecretInput } from "../../ui/SecretInput";
import { useUnsaved } from "../../ui/unsaved";
import { usePutApp } from "./queries";

interface AppDialogProps {
  settings: OAuthProviderSettings;
  /** The app that is changed; none: one is added. */
  app?: OAuthApp;
  onClose: () => void;
  onSaved?: () => void;
}

function useAppForm({ settings, app, onClose, onSaved }: AppDialogProps) {
  const put = usePutApp(app?.id ?? undefined);
  const [summary, setSummary] = useState<SummaryEntry[]>([]);
  const [round, setRound] = useState(0);
  const form = useForm({
    initialValues: {
      name: app?.name ?? "",
      client_id: app?.client_id ?? "",
      client_secret: "",
      tenant: app?.tenant ?? "",
    },
    validate: {
      name: (name) => (name.trim() ? null : "Enter a name."),
      client_id: (id) => (id.trim() ? null : "Enter the client ID."),
    },
  });
  useUnsaved(form.isDirty() && !put.isSuccess);
  const show = (entries: SummaryEntry[]) => {
    setSummary(entries);
    setRound((now) => now + 1);
  };
  const submit = form.onSubmit(
    ({ client_secret, ...values }) => {
      const secret = client_secret.trim() === "" ? {} : { client_secret };
      put.mutate(
        { provider: settings.provider, ...values, ...secret },
        {
          onSuccess: () => {
            notifications.show({ message: app ? "The app is changed." : "The app is added." });
            onSaved?.();
            onClose();
          },
          onError: (error) => {
            const { fields, message } = asApiError(error);
            form.setErrors(Object.fromEntries(fields.map((each) => [each.field, each.message])));
            show(fields.length > 0 ? fields : [{ message }]);
          },
        },
      );
    },
    (errors) => show(Object.entries(errors).map(([field, message]) => ({ field, message: String(message) }))),
  );
  return { form, submit, summary, round, saving: put.isPending };
}

/** Adds an app that the team registered, or changes it, for instance its secret, which ends after a while. */
export default function AppDialog(props: AppDialogProps) {
  const { settings, app, onClose } = props;
  const { form, submit, summary, round, saving } = useAppForm(props);
  return (
    <Modal
      opened
      onClose={onClose}
      // What was typed is not lost by a click beside it.
      closeOnClickOutside={!form.isDirty()}
      title={app ? `Change the app of ${settings.label}` : `Add an app of ${settings.label}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form noValidate onSubmit={submit}>
        <Stack>
          <ErrorSummary entries={summary} round={round} />
          <TextInput
            id="name"
            dir="auto"
            label="Name"
            placeholder={`Acme at ${settings.label}`}
            description="Shown where people choose between apps."
            autoComplete="off"
            data-autofocus
            {...form.getInputProps("name")}
          />
          <TextInput
            id="client_id"
            label="Client ID"
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps("client_id")}
          />
          <SecretInput
            id="client_secret"
            label="Client secret"
            autoComplete="new-password"
            description={
              app?.has_secret ? "Leave empty to keep the saved one." : "Empty only for a public client."
            }
            {...form.getInputProps("client_secret")}
          />
          {settings.has_tenant && (
            <TextInput
              id="tenant"
              label="Tenant"
              placeholder="common"
              description="common, organizations, consumers, or the id or domain of one tenant. Empty: common."
              autoComplete="off"
              spellCheck={false}
              {...form.getInputProps("tenant")}
            />
          )}
          {app && app.accounts > 0 && (
            <Text size="xs" c="dimmed">
              With another client ID its accounts have to be reconnected; with another secret they go on.
            </Text>
          )}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={saving}>
              {app ? "Save changes" : "Add app"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
