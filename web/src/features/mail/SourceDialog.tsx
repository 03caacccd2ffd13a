import { Button, CopyButton, Group, Modal, Skeleton, Stack, Text } from "@mantine/core";
import { IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { asApiError } from "../../lib/problem";
import { Banner } from "../../ui/Banner";
import { Icon } from "../../ui/Icon";
import { rawAddress, sourceQuery } from "./changes";
import classes from "./Source.module.css";

/** The message as it came. */
export function SourceDialog({ messageId, onClose }: { messageId: string; onClose: () => void }) {
  const { data, error } = useQuery(sourceQuery(messageId));
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title="Source of the message"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        {error ? (
          <Banner tone="bad" alert>
            The source could not be loaded: {asApiError(error).message}
          </Banner>
        ) : data ? (
          <section aria-label="Source" className={classes.source}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
            <pre tabIndex={0}>{data.text}</pre>
          </section>
        ) : (
          <Skeleton h="12rem" />
        )}
        {data?.cut && (
          <Text size="xs" c="dimmed">
            Only the beginning is shown, and copied. The download has all of it.
          </Text>
        )}
        <Group justify="flex-end" gap="sm">
          <CopyButton value={data?.text ?? ""}>
            {({ copied, copy }) => (
              <Button
                variant="default"
                disabled={!data}
                onClick={copy}
                leftSection={<Icon of={copied ? IconCheck : IconCopy} />}
              >
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
          <Button
            component="a"
            href={rawAddress(messageId)}
            download
            leftSection={<Icon of={IconDownload} />}
          >
            Download
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
