/** What the pages of mail show only when it is asked for: one file for all of it. */
export { DeleteForGood } from "./DeleteForGood";
export { HeadersTable } from "./HeadersTable";
export { MoveDialog } from "./MoveDialog";
export { SourceDialog } from "./SourceDialog";
