import { Button, NativeSelect, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import type { Folder } from "../../api/client";
import { count, counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { ServerWords } from "../../ui/ServerWords";
import classes from "./Sync.module.css";
import type { SyncForm } from "./useSyncForm";
import { amountWords, type Role, roleWords, serverWords, takenWords, USES } from "./words";

/** More than this are searched rather than read. */
const MANY = 12;

/** The folders of the mailbox, with a box for each. */
export function FolderChoices({ form }: { form: SyncForm }) {
  return (
    <fieldset className={classes.folders} id="folders" tabIndex={-1}>
      <legend>Folders</legend>
      <Content form={form} />
      {form.trouble.fields.folders && (
        <Text size="xs" c="var(--mantine-color-error)">
          {form.trouble.fields.folders}
        </Text>
      )}
    </fieldset>
  );
}

function Content({ form }: { form: SyncForm }) {
  const { query, folders } = form;
  if (query.isPending) {
    return (
      <Stack gap="sm" role="status" aria-busy aria-label="Loading folders">
        {[1, 2, 3].map((row) => (
          <Skeleton key={row} h="1.25rem" w="60%" />
        ))}
      </Stack>
    );
  }
  if (query.isError && folders.length === 0) {
    return (
      <Banner
        tone="bad"
        alert
        action={
          <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        }
      >
        The folders could not be loaded: {asApiError(query.error).message}
      </Banner>
    );
  }
  if (folders.length === 0) return <None form={form} />;
  return <Listed form={form} />;
}

function None({ form }: { form: SyncForm }) {
  const { state } = form.account.receiving;
  const reads = state === "connected" || state === "connecting";
  return (
    <Text c="dimmed" role="status">
      {reads
        ? "The list of folders is being read from the mail server. It appears here by itself."
        : "The folders are known once the mail server was reached."}
    </Text>
  );
}

function Listed({ form }: { form: SyncForm }) {
  const { folders, chosen } = form;
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const fits = (folder: Folder) =>
    folder.name.toLowerCase().includes(wanted) || roleWords(folder)?.toLowerCase().includes(wanted);
  const shown = wanted ? folders.filter(fits) : folders;
  const many = folders.length > MANY;
  return (
    <>
      <Text size="xs" c="dimmed" className="figures">
        {count(folders.filter(chosen).length)} of {counted(folders.length, "folder")} chosen. Mail in the
        others is not copied.
      </Text>
      {many && (
        <TextInput
          aria-label="Find a folder"
          placeholder="Find a folder"
          dir="auto"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          // It is in a form, and saves nothing.
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      )}
      {shown.length === 0 ? (
        <Text c="dimmed">No folder has this in its name.</Text>
      ) : (
        <ul className={classes.list} data-many={many || undefined} aria-label="Folders">
          {shown.map((folder) => (
            <Line key={folder.id} folder={folder} form={form} />
          ))}
        </ul>
      )}
    </>
  );
}

function Line({ folder, form }: { folder: Folder; form: SyncForm }) {
  const { name, role, refused } = folder;
  const always = role === "inbox";
  const chosen = always || form.chosen(folder);
  const role_words = roleWords(folder);
  const amount = amountWords(folder);
  return (
    <li className={classes.line}>
      <label className={classes.choice}>
        <input
          type="checkbox"
          className={classes.box}
          checked={chosen}
          disabled={always || !form.account.can_manage}
          onChange={(event) => form.choose(folder, event.currentTarget.checked)}
        />
        <span className={classes.words}>
          <span className={classes.what}>
            <bdi className={classes.wrapping}>{name}</bdi>{" "}
            {role_words && <span className={classes.dimmed}>{role_words}</span>}
            {always && <span className={classes.dimmed}>always copied</span>}
          </span>{" "}
          {amount && <span className={`${classes.dimmed} figures`}>{amount}</span>}
          {role === "all" && chosen && (
            <span className={classes.dimmed}>
              It has the mail of the other folders once more: each message is shown once, and{" "}
              {form.account.provider === "google" ? "fetched once." : "fetched twice."}
            </span>
          )}
        </span>
      </label>
      {!always && offersUse(folder, form, chosen) && <Use folder={folder} form={form} />}
      {refused && chosen && <Refused words={refused} />}
    </li>
  );
}

/** With more folders than this, a field at each would make the page slow to draw. */
const FEW = 40;

/** With many folders: those that are copied, and those that are for something. */
function offersUse(folder: Folder, form: SyncForm, chosen: boolean): boolean {
  return form.folders.length <= FEW || chosen || folder.server_role != null || form.used(folder) != null;
}

/** What the folder is for: as the server says, or as somebody says here. */
function Use({ folder, form }: { folder: Folder; form: SyncForm }) {
  const role = form.used(folder);
  const told = folder.server_role;
  const holder = told ? form.holder(told) : undefined;
  const taken = holder !== undefined && holder.id !== folder.id;
  const from = role && form.folders.find((each) => each.id !== folder.id && each.role === role);
  const news = role !== (folder.role_by_hand ?? null);
  return (
    <div className={classes.use}>
      <NativeSelect
        size="xs"
        label="Used for"
        aria-label={`Used for, ${folder.name}`}
        classNames={{ root: classes.useField }}
        data={[{ value: "", label: serverWords(folder, taken) }, ...USES]}
        value={role ?? ""}
        disabled={!form.account.can_manage}
        onChange={(event) => form.use(folder, (event.currentTarget.value || null) as Role | null)}
      />
      {news && from && <span className={classes.dimmed}>{takenWords(role, from)}</span>}
    </div>
  );
}

/** The server lists the folder and does not open it. */
function Refused({ words }: { words: string }) {
  return (
    <div className={classes.refused}>
      <span className={classes.warn}>
        <Icon of={IconAlertTriangle} />
        The mail server does not open this folder. It is tried again with each comparison.
      </span>
      <ServerWords>{words}</ServerWords>
    </div>
  );
}
