import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { counted } from "../../lib/format";
import { type Act, nounOf } from "./acts";

const sum = (acts: Act[]) => acts.reduce((all, { rows }) => all + rows.length, 0);

/** Asks before mail leaves Trash or Junk: there is no way back from there. */
export function DeleteForGood(props: { acts: Act[]; onClose: () => void; onSure: () => void }) {
  const { acts, onClose, onSure } = props;
  const going = sum(acts.filter(({ change }) => change.kind === "delete"));
  const others = sum(acts) - going;
  const rows = acts.flatMap((act) => act.rows);
  const noun = nounOf(rows);
  const what = counted(going, noun);
  const who = going === 1 ? "It goes" : "They go";
  const [only] = rows.length === 1 ? rows : [];
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Delete ${what} for good?`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        {only && (
          <Text fw={500} dir="auto" lineClamp={2}>
            {only.subject || "(no subject)"}
          </Text>
        )}
        <Text>
          {noun === "message" ? who : "What lies in Trash or in Junk goes"} from Posthouse and from the mail
          server, and cannot be brought back.
        </Text>
        {others > 0 && <Text>{counted(others, `other ${noun}`)} will be moved to Trash.</Text>}
        <Group justify="flex-end" gap="sm">
          {/* Whoever goes through a list by # and Enter deletes nothing that was not looked at. */}
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button color="red" onClick={onSure}>
            Delete for good
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
