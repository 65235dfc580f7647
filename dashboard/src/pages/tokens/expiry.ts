// Until when a token is to be good.

export const EXPIRIES = [
  { value: "never", name: "never" },
  { value: "30", name: "in 30 days" },
  { value: "90", name: "in 90 days" },
  { value: "365", name: "in a year" },
  { value: "date", name: "on a date …" },
];

interface Expiry {
  /** As the API has it; undefined for never. */
  readonly at?: string;
  readonly problem?: string;
}

const DAY = 86_400_000;

export function expiryOf(choice: string, date: string, now: Date): Expiry {
  if (choice === "never") return {};
  if (choice !== "date") return { at: new Date(now.getTime() + Number(choice) * DAY).toISOString() };
  const at = new Date(date);
  if (Number.isNaN(at.getTime())) return { problem: "Say when." };
  return at > now ? { at: at.toISOString() } : { problem: "That is over." };
}
