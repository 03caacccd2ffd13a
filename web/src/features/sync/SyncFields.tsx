import { Select, Stack } from "@mantine/core";
import { reachesFurther } from "../../lib/window";
import { ErrorSummary } from "../../ui/ErrorSummary";
import { part } from "../../ui/part";
import { FolderChoices } from "./FolderChoices";
import type { SyncForm } from "./useSyncForm";
import { frequencies, windows } from "./words";

const RemovalDialog = part(() => import("./RemovalDialog"));

/** What the window that is chosen means for the mail that is here. */
function windowHelp(days: number, saved: number): string {
  if (days === saved) return "Counted back from today. Mail that is here stays, however old it gets.";
  if (reachesFurther(days, saved)) return "The older mail is imported as soon as this is saved.";
  return "Nothing is removed: mail that is here stays. Only what is not here yet is limited to this time.";
}

/** Frequency, time and folders: the fields of the settings, and of the page after connecting. */
export function SyncFields({ form }: { form: SyncForm }) {
  const { account, trouble, minutes, days } = form;
  return (
    <Stack gap="lg">
      <ErrorSummary entries={trouble.entries} round={trouble.round} />
      <Select
        id="sync_minutes"
        label="Sync frequency"
        description="How often all chosen folders are compared with the server. New mail in the inbox comes at once besides, where the server tells of it."
        data={frequencies(account.sync_minutes)}
        value={String(minutes)}
        onChange={(value) => value && form.setMinutes(Number(value))}
        error={trouble.fields.sync_minutes}
        allowDeselect={false}
        comboboxProps={{ transitionProps: { duration: 0 } }}
      />
      <Select
        id="import_days"
        label="Mail to import"
        description={windowHelp(days, account.import_days)}
        data={windows(account.import_days)}
        value={String(days)}
        onChange={(value) => value && form.setDays(Number(value))}
        error={trouble.fields.import_days}
        allowDeselect={false}
        comboboxProps={{ transitionProps: { duration: 0 } }}
      />
      <FolderChoices form={form} />
      {form.removal && (
        <RemovalDialog
          removal={form.removal}
          busy={form.busy}
          onConfirm={form.confirm}
          onClose={form.keep}
          onMissing={form.keep}
        />
      )}
    </Stack>
  );
}
