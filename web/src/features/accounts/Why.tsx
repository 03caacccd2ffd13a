import { Text } from "@mantine/core";
import type { SideState } from "../../api/client";
import { ServerWords } from "../../ui/ServerWords";
import { reasonWords } from "./words";

/** Why a side is in its state: what happened, the server's words, what to do. */
export function Why({ state }: { state: SideState }) {
  const reason = state.reason_text ?? reasonWords(state);
  return (
    <>
      {reason && <Text>{reason}</Text>}
      {state.server_words && <ServerWords>{state.server_words}</ServerWords>}
      {state.fix && (
        <Text>
          <strong>What to do:</strong> {state.fix}
        </Text>
      )}
    </>
  );
}
