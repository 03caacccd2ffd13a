import { IconMailPlus } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Notice } from "../../ui/Notice";

/** In the place of the list, as long as there is nothing to list. */
export default function NoAccount({ action }: { action: ReactNode }) {
  return (
    <Notice icon={IconMailPlus} title="No account is connected yet" action={action}>
      Connect an email account to send from it and to follow its mail here. Posthouse keeps it connected and
      says what to do when something breaks.
    </Notice>
  );
}
