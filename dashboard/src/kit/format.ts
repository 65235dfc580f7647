// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12,345 */
export const count = (value: number): string => whole.format(value);

/** "1 message", "12 messages"; `many` where an s at the end is not all. */
export const counted = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

/** 12.3K */
export const compact = (value: number): string => (Math.abs(value) < 10_000 ? count(value) : short.format(value));

/** A share as per cent: 0.9512 is "95.1%"; small ones keep what tells them apart. */
export function percent(share: number): string {
  const value = share * 100;
  const digits = value !== 0 && Math.abs(value) < 1 ? 2 : Math.abs(value) >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)}%`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Octets: 1536 is "1.5 KiB". */
export function bytes(value: number): string {
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Milliseconds: "0.4 ms", "38 ms", "1.2 s", "3 min 5 s", "2 h 10 min", "3 d 4 h". */
export function duration(millis: number): string {
  if (millis < 1) return `${millis.toFixed(1)} ms`;
  if (millis < 1_000) return `${Math.round(millis)} ms`;
  const seconds = millis / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const steps: readonly [string, number][] = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const from = steps.findIndex(([, length]) => seconds >= length);
  let rest = Math.round(seconds);
  const parts = steps.slice(from, from + 2).map(([unit, length]) => {
    const many = Math.floor(rest / length);
    rest -= many * length;
    return many ? `${many} ${unit}` : "";
  });
  return parts.filter(Boolean).join(" ");
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "3 min ago", "in 2 hr": without the full stops of abbreviations, for it stands in sentences. */
export function ago(moment: Date, now: Date): string {
  const seconds = (moment.getTime() - now.getTime()) / 1_000;
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? (["second", 1] as const);
  return relative.format(Math.trunc(seconds / length), unit).replace(".", "");
}

const exactly = new Intl.DateTimeFormat("en-CA", {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

const range = new Intl.DateTimeFormat("en-GB", {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** "21 Nov, 10:04 – 11:00": where there is little room. */
export const between = (from: Date, to: Date): string => range.formatRange(from, to);

/** "2026-11-21, 10:04:00 UTC": in the zone of whoever looks. */
export const exact = (moment: Date): string => exactly.format(moment);
