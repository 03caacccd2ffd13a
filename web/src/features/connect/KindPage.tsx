import type { ProviderKind } from "../../api/client";
import { CustomPage } from "./CustomPage";
import { ImapPage } from "./ImapPage";
import { ProviderPage } from "./ProviderPage";

/** The form of a kind of account. */
export function KindPage({ kind }: { kind: ProviderKind }) {
  if (kind === "custom") return <CustomPage />;
  if (kind === "imap") return <ImapPage />;
  // A form of its own for each: nothing typed for one provider goes to another.
  return <ProviderPage key={kind} kind={kind} />;
}
