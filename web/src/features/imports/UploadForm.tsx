import { Anchor, Button, Group, Text } from "@mantine/core";
import { IconDownload, IconUpload } from "@tabler/icons-react";
import { type DragEvent, useRef, useState } from "react";
import { API } from "../../api/client";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import classes from "./Imports.module.css";
import { useUpload } from "./queries";

/** Takes a file, dropped or chosen. */
export function UploadForm() {
  const upload = useUpload();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null) => {
    const file = files?.[0];
    if (file) upload.mutate(file);
    // The same file can be chosen again after it was mended.
    if (input.current) input.current.value = "";
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return (
    <div>
      {upload.error && (
        <Banner tone="bad" alert>
          {asApiError(upload.error).message}
        </Banner>
      )}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first */}
      <div
        className={classes.drop}
        data-over={over || undefined}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={onDrop}
      >
        <Icon of={IconUpload} large />
        <Text fw={500}>Drop a CSV file here</Text>
        <Text size="xs" c="dimmed" ta="center">
          Up to 2 MB. Commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252.
        </Text>
        <input
          ref={input}
          type="file"
          accept=".csv,.tsv,.txt,text/csv"
          aria-label="CSV file"
          tabIndex={-1}
          className={classes.file}
          onChange={(event) => take(event.currentTarget.files)}
        />
        <Group gap="sm" justify="center" mt="sm">
          <Button loading={upload.isPending} onClick={() => input.current?.click()}>
            Choose file
          </Button>
          <Anchor
            href={`${API}/accounts/imports/sample.csv`}
            download
            className={`${classes.download} alone`}
          >
            <Icon of={IconDownload} /> Download a sample
          </Anchor>
        </Group>
      </div>
    </div>
  );
}
