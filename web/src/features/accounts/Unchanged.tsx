import { List, Text } from "@mantine/core";
import type { BulkPreview } from "../../api/client";
import { count, counted } from "../../lib/format";

/** How many do not change, and why. */
export function Unchanged({ of, words }: { of: Pick<BulkPreview, "unchanged">; words: string }) {
  const total = of.unchanged.reduce((sum, each) => sum + each.count, 0);
  if (total === 0) return null;
  return (
    <>
      <Text mt="sm" className="figures">
        {counted(total, "account")} {words}:
      </Text>
      <List size="sm" mt="xs">
        {of.unchanged.map(({ outcome, count: number, text }) => (
          <List.Item key={outcome} className="figures">
            {count(number)}: {text}
          </List.Item>
        ))}
      </List>
    </>
  );
}
