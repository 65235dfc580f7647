// Where axes have their marks, and what stands there.

const DAY = 86_400_000;

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DATE: Intl.DateTimeFormatOptions = { month: "short", day: "numeric" };

const clock = new Intl.DateTimeFormat("en-GB", CLOCK);
const day = new Intl.DateTimeFormat("en-GB", DATE);
const dayUtc = new Intl.DateTimeFormat("en-GB", { ...DATE, timeZone: "UTC" });
const both = new Intl.DateTimeFormat("en-GB", { ...DATE, ...CLOCK });
const wholeDay = new Intl.DateTimeFormat("en-GB", { ...DATE, weekday: "short", timeZone: "UTC" });

/** A mark of the axis of time. Stretches of a day are days of UTC, whatever zone whoever looks is in. */
export function timeMark(at: Date, step: number): string {
  if (step >= DAY) return dayUtc.format(at);
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
  return isMidnight ? day.format(at) : clock.format(at);
}

/** A stretch in words: "Sat 21 Nov (UTC)", "21 Nov, 10:15 to 10:30". */
export function stretch(at: Date, step: number): string {
  if (step >= DAY) return `${wholeDay.format(at)} (UTC)`;
  return `${both.format(at)} to ${clock.format(new Date(at.getTime() + step))}`;
}

/** Durations that people know, in milliseconds: marks of an axis that grows tenfold. */
const KNOWN = [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, DAY, 7 * DAY];

/** The known durations that have `low` and `high` between them, at least two. */
export function durationMarks(low: number, high: number): readonly number[] {
  const last = KNOWN.length - 1;
  const below = KNOWN.findLastIndex((mark) => mark <= low);
  const above = KNOWN.findIndex((mark) => mark >= high);
  const from = Math.max(0, Math.min(below, last - 1));
  const to = Math.max(from + 1, above === -1 ? last : above);
  return KNOWN.slice(from, to + 1);
}
