/**
 * A script of the page that cannot be fetched: the server is away, or it was upgraded and the script is gone. Only the
 * second is a reason to load the page anew, and nothing typed may be lost by it.
 */
import { Button, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { fetchFailed } from "../../lib/problem";
import { anythingUnsaved } from "../../ui/unsaved";

const ASK_MS = 5_000;
const AGAIN_MS = 30_000;
const RELOADED_AT = "posthouse-reloaded-at";

/** Whether the server answers and its page begins with another script than this one did. */
export async function isUpgraded(script = ownScript()): Promise<boolean> {
  if (!script) return false;
  try {
    const signal = AbortSignal.timeout(ASK_MS);
    const answer = await globalThis.fetch(`${window.location.origin}/`, { cache: "no-store", signal });
    const page = await answer.text();
    return answer.ok && page.includes("/assets/") && !page.includes(script);
  } catch {
    return false;
  }
}

function ownScript(): string | undefined {
  const { src } = document.querySelector<HTMLScriptElement>('script[type="module"][src*="/assets/"]') ?? {};
  return src && new URL(src).pathname;
}

function reloadedJustNow(): boolean {
  return Date.now() - Number(window.sessionStorage.getItem(RELOADED_AT) ?? 0) < AGAIN_MS;
}

function reload(): void {
  window.sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  window.location.reload();
}

/** Loads the new page after an upgrade; asks first when something typed would be lost. */
export async function followUpgrade(upgraded = isUpgraded, load = reload): Promise<void> {
  if (reloadedJustNow() || !(await upgraded())) return;
  if (!anythingUnsaved()) return load();
  notifications.show({
    id: "upgraded",
    autoClose: false,
    title: "Posthouse was upgraded",
    message: (
      <>
        <Text size="xs" mb="sm">
          This page is of the earlier version. Finish what you are writing, then load the new one.
        </Text>
        <Button size="compact-sm" variant="default" onClick={load}>
          Load the new page
        </Button>
      </>
    ),
  });
}

/** The event of the build tool for a script that could not be fetched. */
export function onScriptMissing(event: Event & { payload?: unknown }): void {
  const { payload } = event;
  if (payload instanceof Error) {
    payload.cause = fetchFailed(payload);
    // The router would load the page anew for this very text, also into the browser's error page.
    payload.message = "A part of the page could not be fetched.";
  }
  void followUpgrade();
}
