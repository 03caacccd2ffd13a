import { Title } from "@mantine/core";
import { IconDownload, IconPaperclip } from "@tabler/icons-react";
import { API, type Message } from "../../api/client";
import { bytes, counted } from "../../lib/format";
import { Icon } from "../../ui/Icon";
import classes from "./Mail.module.css";

/** What hangs on the message. Pictures inside its text are not repeated here. */
export function Attachments({ message }: { message: Message }) {
  const files = message.attachments.filter((each) => !each.inline);
  if (files.length === 0) return null;
  return (
    <section aria-label="Attachments">
      <Title order={3} mb="sm">
        {counted(files.length, "attachment")}
      </Title>
      <ul className={classes.files}>
        {files.map((file) => {
          const name = file.name || `Part ${file.index + 1} (${file.content_type})`;
          return (
            <li key={file.index}>
              <a
                href={`${API}/messages/${message.id}/attachments/${file.index}`}
                download
                className={classes.file}
              >
                <Icon of={IconPaperclip} />
                <span className={classes.fileName} dir="auto">
                  {name}
                </span>
                <span className={`${classes.fileSize} figures`}>{bytes(file.size)}</span>
                <Icon of={IconDownload} />
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
