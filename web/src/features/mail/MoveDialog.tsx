import { Combobox, Modal, Text, TextInput, useCombobox } from "@mantine/core";
import { IconFolder } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import type { Target } from "./acts";
import classes from "./MoveDialog.module.css";
import { foldersQuery } from "./queries";

interface MoveProps {
  rows: Target[];
  /** The folder that is shown. */
  current: string | undefined;
  onClose: () => void;
  onChoose: (folder: string) => void;
}

/** Asks for the folder to move messages to. */
export default function MoveDialog({ rows, current, onClose, onChoose }: MoveProps) {
  const accounts = new Set(rows.map((row) => row.account_id));
  const [accountId = ""] = accounts;
  const title = `Move ${counted(rows.length, "message")} to`;
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      {accounts.size > 1 ? (
        <Text>These messages are of {accounts.size} accounts. Choose those of one account to move them.</Text>
      ) : (
        <Folders accountId={accountId} current={current} onClose={onClose} onChoose={onChoose} />
      )}
    </Modal>
  );
}

function Folders(props: Omit<MoveProps, "rows"> & { accountId: string }) {
  const { accountId, current, onClose, onChoose } = props;
  const { data, error } = useQuery(foldersQuery(accountId));
  const [typed, setTyped] = useState("");
  // Open as long as the dialog is.
  const combobox = useCombobox({ opened: true, onDropdownClose: onClose });
  const wanted = typed.trim().toLowerCase();
  const found = (data?.items ?? []).filter(
    ({ id, name }) => id !== current && name.toLowerCase().includes(wanted),
  );
  const first = found[0]?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed changes which one is the first
  useEffect(() => {
    if (first) combobox.selectFirstOption();
  }, [first, wanted]);
  return (
    <Combobox store={combobox} onOptionSubmit={onChoose}>
      <Combobox.EventsTarget>
        <TextInput
          aria-label="Folder"
          placeholder="Search folders"
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          data-autofocus
        />
      </Combobox.EventsTarget>
      {error && (
        <Banner tone="bad" alert>
          The folders could not be loaded: {asApiError(error).message}
        </Banner>
      )}
      <Combobox.Options aria-label="Folders" className={classes.folders}>
        {found.map((folder) => (
          <Combobox.Option key={folder.id} value={folder.id} className={classes.folder}>
            <Icon of={IconFolder} />
            <bdi className={classes.name}>{folder.name}</bdi>
            {!folder.selected && (
              <Text span size="xs" c="dimmed">
                not copied here
              </Text>
            )}
          </Combobox.Option>
        ))}
        {data && found.length === 0 && <Combobox.Empty>No folder is called that.</Combobox.Empty>}
      </Combobox.Options>
    </Combobox>
  );
}
