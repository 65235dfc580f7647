import type { SuppressionScope } from "../../client/types/sending";
import { Badge, type Tone } from "../../kit/show";

export const REASONS: Readonly<Record<string, readonly [Tone, string]>> = {
  manual: ["muted", "Added by hand"],
  hard_bounce: ["bad", "Hard bounce"],
  soft_bounce: ["warn", "Soft bounces"],
  complaint: ["bad", "Complaint"],
  policy: ["info", "Unsubscribed or policy"],
};

export function Reason({ reason }: { readonly reason: string }) {
  const [tone, text] = REASONS[reason] ?? (["muted", reason] as const);
  return <Badge tone={tone}>{text}</Badge>;
}

/** Where a suppression applies, in words. */
export function scopeName({ type, value }: SuppressionScope): string {
  return type === "account" ? "Whole account" : `Mail from ${value ?? "one domain"}`;
}
