import "./meter.css";

interface Props {
  readonly label: string;
  readonly value: number;
  readonly max: number;
}

/** How much of something is used; the figures stand beside it in words. */
export function Meter({ label, value, max }: Props) {
  const share = max > 0 ? Math.min(value / max, 1) : 1;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good";
  return (
    <span class={`meter ${tone}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={max} aria-valuenow={Math.min(value, max)}>
      <span style={{ width: `${share * 100}%` }} />
    </span>
  );
}
