/** Parts of the page that are fetched apart from it: dialogs, panels. */
import { notifications } from "@mantine/notifications";
import { type ComponentType, type ReactNode, useEffect, useRef, useState } from "react";

const loaders = new Set<() => Promise<unknown>>();

/** Fetches all parts now, so that neither an outage nor an upgrade can take one away later. */
export async function loadParts(): Promise<void> {
  await Promise.all([...loaders].map((load) => load()));
}

/**
 * A component that is fetched when it is first shown. When it cannot be fetched the page stays as it is, says so, and
 * `onMissing` closes what was asked for: asking again tries again.
 */
export function part<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
): (props: P & { onMissing: () => void }) => ReactNode {
  let loaded: ComponentType<P> | undefined;
  const fetched = async () => {
    loaded ??= (await load()).default;
    return loaded;
  };
  loaders.add(fetched);
  return function Part({ onMissing, ...props }) {
    const [Loaded, setLoaded] = useState(() => loaded);
    const missing = useRef(onMissing);
    missing.current = onMissing;
    useEffect(() => {
      let left = false;
      fetched().then(
        (component) => !left && setLoaded(() => component),
        () => {
          if (left) return;
          notifications.show({
            id: "part-missing",
            color: "red",
            title: "Not opened",
            message: "This part of the page could not be loaded. Check your connection and try again.",
          });
          missing.current();
        },
      );
      return () => {
        left = true;
      };
    }, []);
    return Loaded ? <Loaded {...(props as P)} /> : null;
  };
}
