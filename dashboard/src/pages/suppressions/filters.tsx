import { Button } from "../../kit/button";
import { SelectField } from "../../kit/field";
import { FilterField } from "../../kit/filter_field";
import { setParams } from "../../router";
import { REASONS } from "./reasons";

/** Parameters of the page that are filters of the API. */
export const FILTERS = ["search", "email", "reason", "scope_type", "scope_value"] as const;

export function Filters({ params }: { readonly params: URLSearchParams }) {
  const said = (name: string) => params.get(name) ?? "";
  const set = (name: string, value: string) => setParams({ [name]: value, cursor: undefined });
  const isFiltered = FILTERS.some((name) => said(name));
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <FilterField label="Search" value={said("search")} placeholder="ann@, or how an address begins" onSettle={(value) => set("search", value.trim())} />
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
        <FilterField label="Sending domain" value={said("scope_value")} placeholder="example.com" onSettle={(value) => set("scope_value", value.trim())} />
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
