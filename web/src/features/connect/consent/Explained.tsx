import { Text } from "@mantine/core";
import { windowWords } from "../../../lib/window";
import type { Way } from "./useConsent";

interface ExplainedProps {
  label: string;
  way: Way;
  /** Of a new account. */
  importDays?: number;
}

/** What is going to happen, before it does. */
export function Explained({ label, way, importDays }: ExplainedProps) {
  return (
    <>
      <Text c="dimmed">
        {way === "window"
          ? `${label}'s page opens in a window of its own. Sign in there and allow access; this page follows.`
          : `${label}'s page opens in this tab. Sign in there and allow access; you are led back here.`}
      </Text>
      {importDays !== undefined && (
        <Text c="dimmed">
          Then the mailbox is checked, {windowWords(importDays)} is imported, and the mailbox is followed
          live.
        </Text>
      )}
    </>
  );
}
