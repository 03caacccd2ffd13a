import { Skeleton, Stack } from "@mantine/core";
import classes from "./Mail.module.css";

/** A list of messages that is on its way. */
export function Waiting({ label }: { label: string }) {
  return (
    <Stack gap={0} role="status" aria-busy aria-label={label}>
      {[1, 2, 3, 4, 5, 6].map((row) => (
        <div key={row} className={classes.line}>
          <Skeleton h="1rem" w="35%" />
          <Skeleton h="0.75rem" w="60%" mt="sm" />
          <Skeleton h="0.75rem" w="85%" mt="sm" />
        </div>
      ))}
    </Stack>
  );
}
