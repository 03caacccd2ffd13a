import { Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { LoadFailed } from "../../ui/Notice";
import { Page, PageHeader } from "../../ui/Page";
import { Crumbs } from "../connect/Crumbs";
import { ColumnHelp } from "./ColumnHelp";
import { latestImportQuery } from "./queries";
import { RunView } from "./RunView";
import { UploadForm } from "./UploadForm";

/** Many accounts from one file. What is under way goes on without the page, and is shown again when one comes back. */
export function ManyPage() {
  const { data: run, error, refetch } = useQuery(latestImportQuery);
  const open = run && run.state !== "ended";
  return (
    <Page name="Connect many accounts">
      <Crumbs here="Many accounts" add />
      <PageHeader title="Connect many accounts" />
      {run === undefined ? (
        error ? (
          <LoadFailed what="Your imports" error={error} retry={() => void refetch()} />
        ) : (
          <Stack role="status" aria-busy aria-label="Loading your imports">
            <Skeleton h="10rem" />
            <Skeleton h="1rem" w="50%" />
          </Stack>
        )
      ) : (
        <Stack gap="xl">
          {!open && <Begin />}
          {run && (
            <section aria-labelledby="run-title">
              <Title order={2} id="run-title" mb="md">
                {open ? run.file_name : `Last import: ${run.file_name}`}
              </Title>
              <RunView key={run.id} run={run} />
            </section>
          )}
        </Stack>
      )}
    </Page>
  );
}

function Begin() {
  return (
    <Stack gap="lg">
      <Text maw="var(--form-width)">
        One row for each account, up to 1,000. The file is checked first, and nothing is connected before you
        say so. Passwords are sealed as they arrive and erased when the import ends.
      </Text>
      <UploadForm />
      <ColumnHelp />
    </Stack>
  );
}
