import { Button } from "@mantine/core";
import { IconAlertTriangle, IconMapOff } from "@tabler/icons-react";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { asApiError } from "../../lib/problem";
import { ButtonLink } from "../../ui/links";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";

export function NotFound() {
  return (
    <Page name="Not found">
      <Notice
        page
        icon={IconMapOff}
        title="There is nothing at this address"
        action={
          <ButtonLink to="/accounts" variant="default">
            Go to accounts
          </ButtonLink>
        }
      >
        The link may be old, or what it showed was deleted.
      </Notice>
    </Page>
  );
}

/** The error boundary of every page. */
export function PageFailed({ error }: ErrorComponentProps) {
  const router = useRouter();
  const problem = asApiError(error);
  if (problem.code === "not_found") return <NotFound />;
  return (
    <Page name="Error">
      <Notice
        page
        icon={IconAlertTriangle}
        title="This page could not be shown"
        action={
          problem.code === "unexpected" || problem.code === "page_fault" ? (
            <Button variant="default" onClick={() => window.location.reload()}>
              Load the page again
            </Button>
          ) : (
            // Without a load of the page: what is typed beside it stays.
            <Button variant="default" onClick={() => void router.invalidate()}>
              Try again
            </Button>
          )
        }
      >
        {problem.message}
        {problem.requestId && ` Request ${problem.requestId}.`}
      </Notice>
    </Page>
  );
}
