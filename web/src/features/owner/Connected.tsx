import { Stack, Text } from "@mantine/core";
import { Banner } from "../../ui/Banner";
import { takeBack } from "./words";

/** The end: what there is to know, and nothing left to do. */
export function Connected({
  address,
  consent,
}: {
  address: string | undefined;
  consent: string | undefined;
}) {
  return (
    <Banner tone="ok">
      <Stack gap="xs">
        <Text fw={600}>Connected. You can close this page.</Text>
        <Text>
          {address ? <bdi>{address}</bdi> : "Your mailbox"} is connected, and this link works no more.
        </Text>
        <Text>{takeBack(consent)}</Text>
      </Stack>
    </Banner>
  );
}
