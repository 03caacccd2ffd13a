import { List, Text, Title } from "@mantine/core";
import type { OAuthChoice } from "../../../api/client";

/** What the provider will ask for, told before anybody goes there. */
export function Permissions({ choice: { label, permissions } }: { choice: OAuthChoice }) {
  return (
    <section aria-labelledby="permissions">
      <Title order={2} id="permissions" mb="sm">
        What {label} asks you to allow
      </Title>
      <List spacing="xs">
        {permissions.map((each) => (
          <List.Item key={each}>{each}</List.Item>
        ))}
      </List>
      <Text size="xs" c="dimmed" mt="sm">
        Leave every box ticked there. Posthouse never sees your password, and you can take the access back at{" "}
        {label} at any time.
      </Text>
    </section>
  );
}
