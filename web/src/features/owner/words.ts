/** What a mailbox's owner is told. */
import type { OwnerLinkPage } from "../../api/client";
import { isolated } from "../../lib/texts";
import { windowWords } from "../../lib/window";

/** What the team can do with the mailbox once it is connected. */
export function rights({
  smtp,
  imap,
  consent,
  import_days,
  user,
  workspace,
  address,
}: OwnerLinkPage): string[] {
  const who = user
    ? `${isolated(user)} and the admins of ${isolated(workspace)} can use it.`
    : `Everybody in ${isolated(workspace)} can use it.`;
  const reads = imap || consent;
  const sends = smtp || consent;
  return [
    ...(reads
      ? [
          `Read ${windowWords(import_days)} and what arrives from then on. A copy of it is kept.`,
          "Mark mail as read, and file copies of what is sent.",
        ]
      : []),
    ...(sends ? [`Send mail as ${address}.`] : []),
    who,
  ];
}

/** How the owner takes it back. */
export function takeBack(consent: string | undefined): string {
  return consent
    ? `To take it back, remove Posthouse from the apps with access in the settings of your ${consent} account.`
    : "To take it back, change the password of the mailbox, or delete the app password, at your provider.";
}
