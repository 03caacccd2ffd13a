/** What can be done with messages, for everything on a page that offers it: keys, the bar, the open message. */
import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  type RefObject,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Folder, FolderList } from "../../api/client";
import { keys } from "../../api/keys";
import { focusOrigin, returnFocus } from "../../ui/focus";
import { part } from "../../ui/part";
import { useShortcuts } from "../../ui/shortcuts";
import { perform, undoLast } from "./acting";
import { type Act, actsOf, among, type Target, type Wish } from "./acts";

const MoveDialog = part(async () => ({ default: (await import("./later")).MoveDialog }));
const DeleteForGood = part(async () => ({ default: (await import("./later")).DeleteForGood }));

/** The list beside an open message. */
interface ListPlace {
  items: Target[];
  open: (id: string, replace: boolean) => void;
}

/** The message that is open. */
interface OpenPlace {
  row: Target;
  back: () => void;
}

export interface MailActions {
  /** What the list shows. */
  folder: string | undefined;
  /** `done` follows once it is certain that it is wanted: not when a question is answered with no. */
  wish: (wish: Wish | { kind: "choose folder" }, rows: Target[], done?: () => void) => void;
  list: RefObject<ListPlace | undefined>;
  opened: RefObject<OpenPlace | undefined>;
}

const Context = createContext<MailActions | undefined>(undefined);

export function useMailActions(): MailActions {
  const actions = useContext(Context);
  if (!actions) throw new Error("outside of MailActionsProvider");
  return actions;
}

/** Tells which message is open, while it is. */
export function useOpened(row: Target, back: () => void): void {
  const { opened } = useMailActions();
  useEffect(() => {
    opened.current = { row, back };
    return () => {
      opened.current = undefined;
    };
  });
}

interface Question {
  kind: "move" | "delete";
  rows: Target[];
  acts: Act[];
  done: (() => void) | undefined;
}

/** `folder`: what the list shows. */
export function MailActionsProvider({
  folder,
  children,
}: {
  folder: string | undefined;
  children: ReactNode;
}) {
  const queryClient = useQueryClient();
  const [question, setQuestion] = useState<Question>();
  const origin = useRef<HTMLElement>(undefined);
  const list = useRef<ListPlace>(undefined);
  const opened = useRef<OpenPlace>(undefined);

  useShortcuts([{ keys: "z", label: "Undo the last move", group: "Messages", run: undoLast }]);
  const actions = useMemo((): MailActions => {
    const foldersOf = (accountId: string): Folder[] =>
      queryClient.getQueryData<FolderList>(keys.folders(accountId))?.items ?? [];
    const wish: MailActions["wish"] = (what, rows, done) => {
      if (rows.length === 0) return;
      if (what.kind === "choose folder") {
        origin.current = focusOrigin();
        setQuestion({ kind: "move", rows, acts: [], done });
        return;
      }
      const acts = actsOf(what, rows, folder, foldersOf);
      if (acts.some(({ change }) => change.kind === "delete")) {
        origin.current = focusOrigin();
        setQuestion({ kind: "delete", rows, acts, done });
        return;
      }
      if (what.kind !== "flags") goOn(rows, list.current, opened.current);
      done?.();
      void perform(queryClient, acts);
    };
    return { folder, wish, list, opened };
  }, [queryClient, folder]);

  const close = () => {
    setQuestion(undefined);
    returnFocus(origin.current);
  };
  return (
    <Context value={actions}>
      {children}
      {question?.kind === "move" && (
        <MoveDialog
          rows={question.rows}
          current={folder}
          onClose={close}
          onMissing={close}
          onChoose={(goal) => {
            close();
            actions.wish({ kind: "move", folder: goal }, question.rows, question.done);
          }}
        />
      )}
      {question?.kind === "delete" && (
        <DeleteForGood
          acts={question.acts}
          onClose={close}
          onMissing={close}
          onSure={() => {
            close();
            goOn(question.rows, list.current, opened.current);
            question.done?.();
            void perform(queryClient, question.acts);
          }}
        />
      )}
    </Context>
  );
}

/**
 * Where the open message is among those that go: to what comes next in the list and stays, or back to the list. In a
 * list of conversations that is the next conversation.
 */
function goOn(rows: Target[], list: ListPlace | undefined, opened: OpenPlace | undefined): void {
  const going = among(rows);
  if (!opened || !going(opened.row)) return;
  const items = list?.items ?? [];
  const at = items.findIndex(among([opened.row]));
  const next = at < 0 ? undefined : items.slice(at + 1).find((row) => !going(row));
  if (next) list?.open(next.id, true);
  else opened.back();
}
