import { useEffect, useState } from "preact/hooks";
import { Button } from "../../kit/button";
import { SelectField, TextField } from "../../kit/field";
import { setParams } from "../../router";
import { REASONS } from "./reasons";

/** Parameters of the page that are filters of the API. */
export const FILTERS = ["search", "email", "reason", "scope_type", "scope_value"] as const;

/** Milliseconds without a key until what was typed is looked for. */
const PAUSE = 300;

export function Filters({ params }: { readonly params: URLSearchParams }) {
  const said = (name: string) => params.get(name) ?? "";
  const set = (name: string, value: string) => setParams({ [name]: value, cursor: undefined });
  const isFiltered = FILTERS.some((name) => said(name));
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Typed label="Search" value={said("search")} placeholder="ann@, or how an address begins" onTyped={(value) => set("search", value)} />
      <SelectField
        label="Reason"
        value={said("reason")}
        choices={[{ value: "", name: "Any reason" }, ...Object.entries(REASONS).map(([value, [, name]]) => ({ value, name }))]}
        onChoose={(value) => set("reason", value)}
      />
      <SelectField
        label="Where it applies"
        value={said("scope_type")}
        choices={[
          { value: "", name: "Anywhere" },
          { value: "account", name: "Whole account" },
          { value: "sending_domain", name: "One sending domain" },
        ]}
        onChoose={(value) => setParams({ scope_type: value, scope_value: undefined, cursor: undefined })}
      />
      {said("scope_type") === "sending_domain" && (
        <Typed label="Sending domain" value={said("scope_value")} placeholder="example.com" onTyped={(value) => set("scope_value", value)} />
      )}
      {isFiltered && (
        <Button
          kind="quiet"
          icon="close"
          onClick={() => setParams({ ...Object.fromEntries(FILTERS.map((name) => [name, undefined])), cursor: undefined })}
        >
          Clear
        </Button>
      )}
    </form>
  );
}

interface TypedProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly onTyped: (value: string) => void;
}

/** A field whose text counts once somebody pauses. */
function Typed({ label, value, placeholder, onTyped }: TypedProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onTyped(text.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label={label} type="search" value={text} onInput={setText} placeholder={placeholder} />;
}
