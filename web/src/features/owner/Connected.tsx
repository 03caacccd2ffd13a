import { List, Paper, Stack, Text, Title } from "@mantine/core";
import { Banner } from "../../ui/Banner";
import classes from "./Owner.module.css";
import { takeBack } from "./words";

interface ConnectedProps {
  address: string;
  /** What the team can do now. */
  rights: string[];
  /** The provider that was asked for consent; none where a password was typed. */
  consent: string | undefined;
}

/** The end: what there is to know, and nothing left to do. */
export function Connected({ address, rights, consent }: ConnectedProps) {
  return (
    <Paper p="xl">
      <Stack gap="lg">
        <Banner tone="ok">
          <Text fw={600}>Connected. You can close this page.</Text>
          <Text className={classes.wrapping}>
            <bdi>{address}</bdi> is connected, and the link works no more.
          </Text>
        </Banner>
        <section aria-labelledby="rights">
          <Title order={2} id="rights" mb="sm">
            What they can do now
          </Title>
          <List spacing="xs">
            {rights.map((each) => (
              <List.Item key={each}>{each}</List.Item>
            ))}
          </List>
        </section>
        <Text>{takeBack(consent)}</Text>
      </Stack>
    </Paper>
  );
}
