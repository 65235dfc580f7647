import type { Header } from "../../client/types/content";
import { CopyButton } from "../button";

/** The header section as it came, folded lines joined. */
export function Headers({ headers }: { readonly headers: readonly Header[] }) {
  const text = headers.map(({ name, value }) => `${name}: ${value}`).join("\n");
  return (
    <div class="stack">
      <div class="row">
        <CopyButton text={text} label="Copy all headers" />
        <span class="soft">The topmost was added last.</span>
      </div>
      <dl class="mail-headers">
        {headers.map(({ name, value }, place) => (
          <div key={place}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
