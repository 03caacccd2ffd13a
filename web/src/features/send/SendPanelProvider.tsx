import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from "react";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { part } from "../../ui/part";

const SendPanel = part(() => import("./SendPanel"));

/** What the panel has to know of the account it sends from. */
export interface Sender {
  id: string;
  address: string;
  display_name: string;
}

interface SendPanelHandle {
  open: (from: Sender) => void;
}

const Context = createContext<SendPanelHandle>({ open: () => undefined });

export function useSendPanel(): SendPanelHandle {
  return use(Context);
}

interface Opened {
  from: Sender;
  /** One for each opened form: the form's state and its idempotency key live and die with it. */
  key: string;
}

/** Keeps the one send panel that is open on top of any page, across pages. */
export function SendPanelProvider({ children }: { children: ReactNode }) {
  const [opened, setOpened] = useState<Opened>();
  const [next, setNext] = useState<Sender>();
  const now = useRef<Opened>(undefined);
  now.current = opened;

  const opener = useRef<HTMLElement>(undefined);

  const start = useCallback((from: Sender) => {
    opener.current = focusOrigin();
    setNext(undefined);
    setOpened({ from, key: crypto.randomUUID() });
  }, []);
  const open = useCallback(
    (from: Sender) => {
      // The open panel decides whether what was typed may go.
      if (now.current && now.current.from.id !== from.id) setNext(from);
      else if (!now.current) start(from);
    },
    [start],
  );
  const handle = useMemo(() => ({ open }), [open]);
  const onClose = () => {
    if (next) return start(next);
    setOpened(undefined);
    returnFocus(opener.current);
  };
  return (
    <Context value={handle}>
      {children}
      {opened && (
        <SendPanel
          key={opened.key}
          from={opened.from}
          idempotencyKey={opened.key}
          asked={next}
          onKeep={() => setNext(undefined)}
          onClose={onClose}
          onMissing={onClose}
        />
      )}
    </Context>
  );
}
