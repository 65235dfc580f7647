import { Button } from "../../kit/button";
import { SelectField } from "../../kit/field";
import { FilterField } from "../../kit/filter_field";
import { setParams } from "../../router";
import { useScope } from "../../state/scope";
import { FIELDS, isEmpty, type Filter } from "./filter";
import type { Want } from "./ordering";

interface Props {
  readonly filter: Filter;
  readonly want: Want;
}

/** Which mail is looked at, and what can be done with all of it. */
export function FilterBar({ filter, want }: Props) {
  const { accounts } = useScope();
  const target = { kind: "filter", filter } as const;
  const choices = [{ value: "", name: "All accounts" }, ...accounts.map(({ id, name }) => ({ value: id, name }))];
  return (
    <div class="filters" role="search" aria-label="Mail in the queue">
      <FilterField
        label="Domain"
        value={filter.domain ?? ""}
        onSettle={(domain) => setParams({ domain, cursor: undefined })}
        placeholder="example.com"
      />
      <SelectField
        label="Account"
        value={filter.tenant ?? ""}
        choices={choices}
        onChoose={(tenant) => setParams({ tenant, cursor: undefined })}
      />
      <FilterField label="Pool of sources" value={filter.pool ?? ""} onSettle={(pool) => setParams({ pool, cursor: undefined })} />
      <FilterField
        label="Id begins with"
        value={filter.id ?? ""}
        onSettle={(id) => setParams({ id, cursor: undefined, ...(id && { tab: "entries" }) })}
      />
      {!isEmpty(filter) && (
        <div class="actions">
          <Button kind="quiet" onClick={() => setParams(Object.fromEntries([...FIELDS, "cursor"].map((name) => [name, undefined])))}>
            Clear
          </Button>
          <Button onClick={() => want({ kind: "reroute", target })}>Reroute …</Button>
          <Button kind="danger" onClick={() => want({ kind: "cancel", target })}>
            Cancel these …
          </Button>
        </div>
      )}
    </div>
  );
}
