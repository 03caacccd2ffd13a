import { Modal, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { isolated } from "../../lib/texts";
import { Banner } from "../../ui/Banner";
import { nounOf, type Target } from "./acts";
import { foldersQuery } from "./queries";

interface MoveProps {
  rows: Target[];
  /** The folder that is shown. */
  current: string | undefined;
  onClose: () => void;
  onChoose: (folder: string) => void;
}

/** Asks for the folder to move messages to. */
export function MoveDialog({ rows, current, onClose, onChoose }: MoveProps) {
  const accounts = new Set(rows.map((row) => row.account_id));
  const [accountId = ""] = accounts;
  const noun = nounOf(rows);
  const title = `Move ${counted(rows.length, noun)} to`;
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      {accounts.size > 1 ? (
        <Text>
          These {noun}s are of {accounts.size} accounts. Choose those of one account to move them.
        </Text>
      ) : (
        <Folders accountId={accountId} current={current} onClose={onClose} onChoose={onChoose} />
      )}
    </Modal>
  );
}

function Folders(props: Omit<MoveProps, "rows"> & { accountId: string }) {
  const { accountId, current, onClose, onChoose } = props;
  const { data, error } = useQuery(foldersQuery(accountId));
  const options = (data?.items ?? [])
    .filter(({ id }) => id !== current)
    .map(({ id, name, selected }) => ({
      value: id,
      label: selected ? isolated(name) : `${isolated(name)} – not copied here`,
    }));
  return (
    <Stack gap="sm" pt="xs">
      {error && (
        <Banner tone="bad" alert>
          The folders could not be loaded: {asApiError(error).message}
        </Banner>
      )}
      <Select
        aria-label="Folder"
        placeholder="Search folders"
        data={options}
        searchable
        selectFirstOptionOnChange
        nothingFoundMessage={data ? "No folder is called that." : "Loading…"}
        maxDropdownHeight="50vh"
        comboboxProps={{ transitionProps: { duration: 0 } }}
        defaultDropdownOpened
        onDropdownClose={onClose}
        onChange={(folder) => folder && onChoose(folder)}
        data-autofocus
      />
    </Stack>
  );
}
