import type { MessageCheck } from "../../client/types/inbox";
import { Badge, type Tone } from "../../kit/show";

const LEVELS: Readonly<Record<MessageCheck["level"], readonly [Tone, string]>> = {
  error: ["bad", "Error"],
  warning: ["warn", "Warning"],
  info: ["info", "Note"],
};

/** What the message would be better without, or with. */
export function Checks({ checks }: { readonly checks: readonly MessageCheck[] }) {
  if (checks.length === 0) {
    return (
      <p>
        <Badge tone="good">All checks passed</Badge>
      </p>
    );
  }
  return (
    <section aria-label="Checks">
      <h3>
        Checks <span class="soft">{checks.length}</span>
      </h3>
      <ul class="checks">
        {checks.map(({ id, level, text, help }) => {
          const [tone, name] = LEVELS[level];
          return (
            <li key={`${id} ${text}`}>
              <details>
                <summary>
                  <Badge tone={tone}>{name}</Badge> {text}
                </summary>
                <p class="soft">{help}</p>
              </details>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
