import { DASHES } from "./marks";
import type { Series } from "./model";

interface Props {
  readonly series: readonly Series[];
  readonly hidden: ReadonlySet<string>;
  readonly kind: "bars" | "lines";
  readonly hatch: string;
  readonly onToggle: (id: string) => void;
}

/** What is drawn how; each can be left out. */
export function Legend({ series, hidden, kind, hatch, onToggle }: Props) {
  return (
    <div class="chart-legend" role="group" aria-label="Shown in the chart">
      {series.map(({ id, name, colour, isHatched }, place) => (
        <button key={id} type="button" aria-pressed={!hidden.has(id)} onClick={() => onToggle(id)}>
          <svg viewBox="0 0 20 12" aria-hidden="true">
            {kind === "bars" ? (
              <>
                <rect x="4" width="12" height="12" rx="2" class={`chart-fill-${colour}`} />
                {isHatched && <rect x="4" width="12" height="12" rx="2" fill={`url(#${hatch})`} />}
              </>
            ) : (
              <g class={`chart-line-${colour}`}>
                <path d="M0 6h20" stroke-dasharray={DASHES[place]} />
              </g>
            )}
          </svg>
          {name}
        </button>
      ))}
    </div>
  );
}
