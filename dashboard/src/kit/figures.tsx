import type { ComponentChildren } from "preact";
import "./figures.css";

interface FigureProps {
  readonly name: string;
  readonly value: ComponentChildren;
  /** What else there is to say about it. */
  readonly note?: ComponentChildren;
}

/** A figure with its name. */
export function Figure({ name, value, note }: FigureProps) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note && <span class="soft">{note}</span>}
      </dd>
    </div>
  );
}

export function Figures({ children }: { readonly children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}
