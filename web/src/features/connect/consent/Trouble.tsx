import { Stack, Text } from "@mantine/core";
import type { ConsentProblem } from "../../../api/client";
import { Banner } from "../../../ui/Banner";
import { ServerWords } from "../../../ui/ServerWords";
import { ThatAccount } from "../../../ui/ThatAccount";
import { StepList } from "../StepLine";
import { TestStep } from "../TestPanel";

/** Why a sign-in did not end in an account, with the words of whoever refused it, and what to do. */
export function Trouble({ problem }: { problem: ConsentProblem }) {
  const { code, text, fix, server_words, account_id } = problem;
  // Of somebody else's sign-in the mailbox's refusal is only how it was noticed.
  const step = code === "wrong_identity" ? null : problem.step;
  const words = problem.step ? null : server_words;
  if (code === "cancelled") return <Banner tone="idle">{text}</Banner>;
  return (
    <Stack gap="sm">
      <Banner tone="bad" alert>
        <Stack gap="xs">
          <Text fw={500}>{text}</Text>
          {words && <ServerWords>{words}</ServerWords>}
          <Text size="xs">
            <strong>What to do:</strong> {fix}
          </Text>
          {account_id && <ThatAccount id={account_id} />}
        </Stack>
      </Banner>
      {step && (
        <StepList>
          {/* What to do stands above. */}
          <TestStep step={{ ...step, fix: null }} />
        </StepList>
      )}
    </Stack>
  );
}

export const UNKNOWN: ConsentProblem = {
  code: "unknown",
  text: "This sign-in is not known here or was used already.",
  fix: "Begin again.",
};
