/** Times for people: short relative words, and the exact time with its zone named. */
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Nearer than this is now. */
const DUE_MS = 5_000;

function amount(seconds: number): string {
  if (seconds < MINUTE) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE)} min`;
  if (seconds < 36 * HOUR) return `${Math.round(seconds / HOUR)} h`;
  const days = Math.round(seconds / DAY);
  if (days < 60) return `${days} days`;
  return days < 730 ? `${Math.round(days / 30.4)} months` : `${Math.round(days / 365)} years`;
}

/** "4 min ago", "in 4 min", "now" (within 5 seconds either way). */
export function relativeTime(at: string | number | Date, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return "";
  if (Math.abs(seconds) < 5) return "now";
  return seconds > 0 ? `in ${amount(seconds)}` : `${amount(-seconds)} ago`;
}

/** "in 4 min": when something is to happen; "now" when that time has come, however long ago. */
export function dueTime(at: string, now: number): string {
  return isDue(at, now) ? "now" : relativeTime(at, now);
}

export function isDue(at: string, now: number): boolean {
  return new Date(at).getTime() - now < DUE_MS;
}

/** "for 4 min": how long something has lasted. */
export function lasted(since: string, now: number): string {
  const seconds = Math.max(0, (now - new Date(since).getTime()) / 1000);
  return Number.isNaN(seconds) ? "" : `for ${amount(seconds)}`;
}

export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** "21 Nov 2026, 10:40:00, Europe/Berlin". */
export function exactTime(at: string | number | Date, timeZone = ownTimeZone()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const words = new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone,
  }).format(date);
  return `${words}, ${timeZone}`;
}

/** As a mail list writes it: the time today, the day this year, else the date. */
export function listTime(at: string, now: number, timeZone = ownTimeZone()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const day = (value: Date) => new Intl.DateTimeFormat("en-CA", { timeZone }).format(value);
  const today = day(new Date(now));
  const own = day(date);
  if (own === today) {
    return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone }).format(date);
  }
  if (own.slice(0, 4) === today.slice(0, 4)) {
    return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone }).format(date);
  }
  return own;
}

/** Every zone the browser knows, and UTC. */
export function timeZones(): string[] {
  const known = Intl.supportedValuesOf("timeZone");
  return [...new Set([ownTimeZone(), "UTC", ...known])].sort();
}
