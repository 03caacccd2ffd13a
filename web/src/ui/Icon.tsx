import type { Icon as TablerIcon } from "@tabler/icons-react";
import { sizes } from "./theme";

/** An icon that only accompanies words. */
export function Icon({ of: Shape, large = false }: { of: TablerIcon; large?: boolean }) {
  return <Shape size={large ? sizes.iconLarge : sizes.icon} stroke={1.75} aria-hidden focusable={false} />;
}
