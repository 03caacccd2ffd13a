import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconCircleX,
  IconClock,
  type Icon as TablerIcon,
} from "@tabler/icons-react";
import type { Outgoing } from "../../api/client";
import type { Tone } from "../../ui/StateLabel";

export const SEND_STATES: Record<Outgoing["state"], { word: string; tone: Tone; icon: TablerIcon }> = {
  queued: { word: "Queued", tone: "idle", icon: IconClock },
  sending: { word: "Sending", tone: "idle", icon: IconCircleDashed },
  sent: { word: "Sent", tone: "ok", icon: IconCircleCheck },
  failed: { word: "Failed", tone: "bad", icon: IconCircleX },
  uncertain: { word: "Uncertain", tone: "warn", icon: IconAlertTriangle },
  cancelled: { word: "Cancelled", tone: "idle", icon: IconCircleMinus },
};

type RecipientState = Outgoing["recipients"][number]["state"];

export const RECIPIENT_STATES: Record<RecipientState, { word: string; tone: Tone; icon: TablerIcon }> = {
  pending: { word: "Not yet", tone: "idle", icon: IconClock },
  accepted: { word: "Accepted", tone: "ok", icon: IconCircleCheck },
  refused: { word: "Refused", tone: "bad", icon: IconCircleX },
};

export const SENT_COPY: Record<Outgoing["sent_copy"], string | undefined> = {
  none: undefined,
  pending: "A copy will be filed in the Sent folder.",
  filed: "A copy was filed in the Sent folder.",
  by_server: "The mail server filed a copy in the Sent folder.",
  failed: "The copy could not be filed in the Sent folder.",
};
