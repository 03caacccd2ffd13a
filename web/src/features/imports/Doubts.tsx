import { Button, Checkbox, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Import } from "../../api/client";
import { counted } from "../../lib/format";
import classes from "./Imports.module.css";
import type { useStart } from "./queries";

/** Servers that were learned in a way that others can forge: a person answers for them, host by host. */
export function Doubts({ run, start }: { run: Import; start: ReturnType<typeof useStart> }) {
  const [agreed, setAgreed] = useState<string[]>([]);
  const mode = run.mode ?? "test";
  const chosen = run.doubts.filter(({ hosts }) => agreed.includes(hosts.join(" ")));
  const rows = chosen.reduce((sum, doubt) => sum + doubt.rows, 0);
  const verb = mode === "test" ? "Test" : "Connect";
  return (
    <Paper p="lg" component="section" aria-labelledby="doubts-title" withBorder>
      <Stack>
        <Title order={3} id="doubts-title">
          Servers to confirm
        </Title>
        <Text>
          No password has gone to these. Compare the names with those that your provider gives, and tick the
          right ones.
        </Text>
        {run.doubts.map(({ hosts, why, rows: waiting }) => {
          const name = hosts.join(" ");
          return (
            <Checkbox
              key={name}
              className={classes.wrapping}
              checked={agreed.includes(name)}
              onChange={(event) => {
                const on = event.currentTarget.checked;
                setAgreed((all) => (on ? [...all, name] : all.filter((each) => each !== name)));
              }}
              label={`${hosts.join(", ")} (${counted(waiting, "row")})`}
              description={why}
            />
          );
        })}
        <div>
          <Button
            disabled={chosen.length === 0}
            loading={start.isPending}
            onClick={() =>
              start.mutate({ mode, rows: "doubt", confirm_hosts: chosen.flatMap(({ hosts }) => hosts) })
            }
          >
            {rows > 0 ? `${verb} ${counted(rows, "row")}` : verb}
          </Button>
        </div>
      </Stack>
    </Paper>
  );
}
