import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { MadeOwnerLink } from "../../api/client";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { Time } from "../../ui/Time";

/** The link that was just made, to be given to the owner: it is shown this once. */
export function LinkMade({ made }: { made: MadeOwnerLink }) {
  const { copied, copy } = useClipboard();
  return (
    <Banner tone="ok">
      <Stack gap="sm">
        <Text fw={500}>
          The link for <bdi>{made.address}</bdi> is made
        </Text>
        <Text>
          Send it to the owner of this mailbox, and to nobody else. It is shown only now, works once, and ends{" "}
          <Time at={made.expires_at} as="due" />.
        </Text>
        <Group gap="sm" align="flex-end">
          <TextInput
            label="Link"
            value={made.url}
            readOnly
            flex="1 1 14rem"
            onFocus={(event) => event.currentTarget.select()}
          />
          <Button
            autoFocus
            leftSection={<Icon of={copied ? IconCheck : IconCopy} />}
            onClick={() => copy(made.url)}
          >
            {copied ? "Copied" : "Copy link"}
          </Button>
        </Group>
      </Stack>
    </Banner>
  );
}
