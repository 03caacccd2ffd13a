import { Page, PageHeader } from "../../ui/Page";
import classes from "./Mail.module.css";
import { MailActionsProvider } from "./MailActions";
import { SearchChips, SearchField } from "./SearchField";
import { HowToSearch, SearchRows } from "./SearchRows";

/** Search over the mail of all accounts. */
export function SearchPage({ q, onSearch }: { q: string; onSearch: (q: string) => void }) {
  return (
    <Page name="Search">
      <div className={classes.everywhere} data-full-height>
        <PageHeader title="Search all mail" />
        <search className={classes.tools} aria-label="Search all mail">
          <SearchField label="Search all mail" q={q} onSearch={onSearch} first />
          <SearchChips q={q} onSearch={onSearch} />
        </search>
        <div className={classes.list}>
          {q ? (
            <MailActionsProvider folder={undefined}>
              <SearchRows key={q} accountId={undefined} folder={undefined} q={q} />
            </MailActionsProvider>
          ) : (
            <HowToSearch />
          )}
        </div>
      </div>
    </Page>
  );
}
