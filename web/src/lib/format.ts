const NUMBER = new Intl.NumberFormat("en");

/** "1,204". */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** "1 message", "2 messages". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** One text of several: each ends as a sentence does. */
export function sentences(texts: string[]): string {
  return texts.map((text) => (/[.!?]$/.test(text) ? text : `${text}.`)).join(" ");
}

const UNITS = ["kB", "MB", "GB", "TB"];

/** "820 B", "1.2 MB": decimal units, as mail providers count. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  let value = size;
  let unit = "B";
  for (const next of UNITS) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
