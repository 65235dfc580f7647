import type { ComponentChildren } from "preact";
import "./tiles.css";

interface TileProps {
  readonly name: string;
  readonly value: ComponentChildren;
  /** What else there is to say about it. */
  readonly note?: ComponentChildren;
}

/** A figure with its name. */
export function Tile({ name, value, note }: TileProps) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note && <span class="soft">{note}</span>}
      </dd>
    </div>
  );
}

export function Tiles({ children }: { readonly children: ComponentChildren }) {
  return <dl class="tiles">{children}</dl>;
}
