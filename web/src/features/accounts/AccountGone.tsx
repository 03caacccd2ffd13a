import { IconTrash } from "@tabler/icons-react";
import { ButtonLink } from "../../ui/links";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";

/** In the place of an account's pages, when it was deleted while they were open. */
export function AccountGone({ address }: { address: string }) {
  return (
    <Page name="Deleted account">
      <Notice
        page
        icon={IconTrash}
        title="This account was deleted"
        action={
          <ButtonLink to="/accounts" variant="default">
            Go to accounts
          </ButtonLink>
        }
      >
        {address} is no longer connected. Its mail is still on its mail server.
      </Notice>
    </Page>
  );
}
