import { Anchor, List } from "@mantine/core";
import { linked } from "./notes";

/** What to do first, in the order of the steps. Addresses in it open beside this page. */
export function NoteList({ notes }: { notes: string[] }) {
  return (
    <List type="ordered" spacing="xs">
      {notes.map((note) => (
        <List.Item key={note}>
          {linked(note).map(({ text, href, at }) =>
            href ? (
              <Anchor key={at} href={href} target="_blank" rel="noopener noreferrer" underline="always">
                {text}
              </Anchor>
            ) : (
              <span key={at}>{text}</span>
            ),
          )}
        </List.Item>
      ))}
    </List>
  );
}
