import type { TextPart } from "../../api/client";

/** A text in pieces, with those that were searched for marked. */
export function Marked({ parts }: { parts: TextPart[] }) {
  return parts.map(({ text, hit }, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text stay in their order
    hit ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
  );
}
