import { SelectField, TextField } from "../../kit/field";
import type { NewSuppression, SuppressionScope } from "../../client/types/sending";

/** What is said of new suppressions besides their addresses. */
export interface Common {
  readonly scope: SuppressionScope["type"];
  readonly domain: string;
  readonly until: string;
  readonly note: string;
}

export const NOTHING_SAID: Common = { scope: "account", domain: "", until: "", note: "" };

export function isComplete({ scope, domain }: Common): boolean {
  return scope === "account" || domain.trim() !== "";
}

/** As the API takes it. */
export function shared({ scope, domain, until, note }: Common): Omit<NewSuppression, "email"> {
  return {
    ...(scope === "sending_domain" && { scope: { type: scope, value: domain.trim() } }),
    ...(until && { expires_at: new Date(until).toISOString() }),
    ...(note.trim() && { note: note.trim() }),
  };
}

interface Props {
  readonly value: Common;
  readonly onChange: (value: Common) => void;
}

export function CommonFields({ value, onChange }: Props) {
  const set = (change: Partial<Common>) => onChange({ ...value, ...change });
  return (
    <>
      <SelectField
        label="Applies to"
        value={value.scope}
        choices={[
          { value: "account", name: "All mail of this account" },
          { value: "sending_domain", name: "Mail from one domain" },
        ]}
        onChoose={(scope) => set({ scope: scope === "sending_domain" ? scope : "account" })}
      />
      {value.scope === "sending_domain" && (
        <TextField label="Sending domain" value={value.domain} onInput={(domain) => set({ domain })} placeholder="example.com" required />
      )}
      <TextField
        label="Ends"
        type="datetime-local"
        value={value.until}
        onInput={(until) => set({ until })}
        hint="Empty: it stays until somebody removes it."
      />
      <TextField label="Note" value={value.note} onInput={(note) => set({ note })} hint="For whoever wonders later, such as who asked." />
    </>
  );
}
