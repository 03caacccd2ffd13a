/** How far back mail is imported. */
import { counted } from "./format";

/** Whether so many days reach further back than those; 0 is everything. */
export function reachesFurther(days: number, than: number): boolean {
  return than !== 0 && (days === 0 || days > than);
}

/** "the last 30 days of mail", "all mail". */
export function windowWords(days: number): string {
  return days === 0 ? "all mail" : `the last ${counted(days, "day")} of mail`;
}
