import { get } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { SpfComponent, SpfInspection } from "../../client/types/dns";
import { useLoad } from "../../kit/load";
import { Badge, Failure, Notice, Skeleton } from "../../kit/show";

/** RFC 7208 section 4.6.4. */
const MOST_LOOKUPS = 10;

/** An SPF record as receivers walk it, with what each term costs. */
export function SpfTree({ zone, id }: { readonly zone: Zone; readonly id: string }) {
  const found = useLoad(
    async (signal) => (await get<SpfInspection>(`/zones/${zone.id}/email/auth/spf/inspect`, { query: { id }, signal })).result,
    [zone.id, id],
  );
  if (found.failure) return <Failure failure={found.failure} again={found.reload} />;
  if (!found.data) return <Skeleton lines={4} />;
  return <SpfTerms inspection={found.data} />;
}

/** The same of a record that was looked at. */
export function SpfTerms({ inspection }: { readonly inspection: SpfInspection }) {
  const { total_lookups: lookups, errors = [], components, domain } = inspection;
  return (
    <div class="stack">
      <p class="row">
        <Badge tone={lookups > MOST_LOOKUPS ? "bad" : lookups > MOST_LOOKUPS - 2 ? "warn" : "good"}>
          {lookups} of {MOST_LOOKUPS} look-ups
        </Badge>
        {lookups > MOST_LOOKUPS && <span>Receivers give up after {MOST_LOOKUPS}, and SPF fails for everybody.</span>}
      </p>
      {errors.map(({ code, domain, message }) => (
        <Notice key={`${code} ${domain} ${message}`} tone="bad">
          <strong>{domain}</strong> {message}
        </Notice>
      ))}
      <Terms components={components} label={`Terms of the SPF record of ${domain}`} isRoot />
    </div>
  );
}

interface TermsProps {
  readonly components: readonly SpfComponent[];
  readonly label: string;
  readonly isRoot?: boolean;
}

function Terms({ components, label, isRoot }: TermsProps) {
  return (
    <ul class={isRoot ? "spf-tree" : undefined} aria-label={label}>
      {components.map((term, at) => (
        // Terms have no names, and do not move.
        <li key={at} class={term.ignored ? "ignored" : undefined}>
          <span class="row">
            <code>{term.text}</code>
            {term.lookups > 0 && <span class="soft">{term.lookups === 1 ? "1 look-up" : `${term.lookups} look-ups`}</span>}
            {term.ignored && <span class="soft">never looked at</span>}
            {term.addresses && <code class="soft">{term.addresses.join(" ")}</code>}
          </span>
          {term.inspection && <Terms components={term.inspection.components} label={`Terms of ${term.inspection.domain}`} />}
        </li>
      ))}
    </ul>
  );
}
