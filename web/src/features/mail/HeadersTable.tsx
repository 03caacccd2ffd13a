import { Group, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { counted } from "../../lib/format";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { headersQuery } from "./changes";
import classes from "./Source.module.css";

/** All headers of a message, in the order in which they stand in it. */
export function HeadersTable({ messageId }: { messageId: string }) {
  const { data, error } = useQuery(headersQuery(messageId));
  return (
    <section aria-label="Headers">
      <Group gap="sm" mb="sm" align="baseline">
        <Title order={3}>Headers</Title>
        {data && (
          <Text size="xs" c="dimmed" className="figures">
            {counted(data.items.length, "line")}
          </Text>
        )}
      </Group>
      {error ? (
        <Banner tone="bad" alert>
          The headers could not be loaded: {asApiError(error).message}
        </Banner>
      ) : data ? (
        <table className={classes.headers}>
          <tbody>
            {data.items.map(({ name, value }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a header may come twice, and none ever moves
              <tr key={index}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Skeleton h="8rem" />
      )}
    </section>
  );
}
