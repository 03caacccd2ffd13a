import { Stack, Text } from "@mantine/core";
import { Banner } from "../../ui/Banner";
import { NoteList } from "./NoteList";
import type { Begun } from "./useNewAccount";

/** Where the servers in the form come from, and what to do at the provider first. */
export function FoundWhere({ begun }: { begun: Begun | undefined }) {
  const found = begun?.found;
  if (!found) return null;
  return (
    <Banner tone="idle">
      <Stack gap="xs">
        <Text>
          The servers of {found.provider ?? "this address"} are filled in. {found.source}
        </Text>
        {found.notes.length > 0 && <NoteList notes={found.notes} />}
      </Stack>
    </Banner>
  );
}
