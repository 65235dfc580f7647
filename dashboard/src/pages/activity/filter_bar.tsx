import { useState } from "preact/hooks";
import { CLASSES, classText, STATUSES } from "../../client/activity";
import type { Direction } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { SelectField, TextField } from "../../kit/field";
import { Icon } from "../../kit/icon";
import { statusName } from "../../kit/show";
import { href, navigate, setParams } from "../../router";
import { FIELDS, interpret, RESULTS, shown, type Filter } from "./filters";

interface Props {
  readonly direction: Direction;
  readonly filter: Filter;
}

/** Another filter begins its list anew. */
const change = (name: string, value: string | undefined) =>
  setParams({ [name]: value, cursor: undefined }, { replace: false });

/** Says which lines are wanted; what it says stands in the address. */
export function FilterBar({ direction, filter }: Props) {
  const [isMore, setMore] = useState(false);
  return (
    <>
      <div class="filters">
        <SearchField direction={direction} />
        <SelectField
          label="Status"
          value={filter["status"] ?? ""}
          choices={[
            { value: "", name: "Any" },
            ...STATUSES[direction].map((value) => ({ value, name: statusName(value) })),
          ]}
          onChoose={(value) => change("status", value)}
        />
        <SelectField
          label="Class of failure"
          value={filter["class"] ?? ""}
          choices={[{ value: "", name: "Any" }, ...CLASSES.map((value) => ({ value, name: classText(value) }))]}
          onChoose={(value) => change("class", value)}
        />
        <Button icon="filter" pressed={isMore} onClick={() => setMore(!isMore)}>
          More filters
        </Button>
      </div>
      {isMore && <MoreFields key={direction} direction={direction} filter={filter} onDone={() => setMore(false)} />}
      <Chosen direction={direction} filter={filter} />
    </>
  );
}

/** One field for whatever somebody has at hand; it says what it takes it for. */
function SearchField({ direction }: { readonly direction: Direction }) {
  const [text, setText] = useState("");
  const found = interpret(text, direction);
  const hint = found && ("id" in found ? "Opens this message" : `${FIELDS[direction][found.name]}: ${found.value}`);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!found) return;
    setText("");
    if ("id" in found) navigate(href(`/messages/${found.id}`, { mail: direction === "routing" ? "routing" : undefined }));
    else change(found.name, found.value);
  };
  return (
    <form class="activity-search" role="search" onSubmit={submit}>
      <TextField
        label="Search"
        type="search"
        value={text}
        onInput={setText}
        placeholder="Address, domain, id, or part of a reply"
      />
      {hint && (
        <p class="activity-taken" role="status">
          {hint} <kbd>Enter</kbd>
        </p>
      )}
    </form>
  );
}

interface MoreProps extends Props {
  readonly onDone: () => void;
}

/** What fields may be that have few values. */
function choicesOf(name: string): readonly string[] | undefined {
  if (["spf", "dkim", "dmarc", "arc"].includes(name)) return RESULTS;
  return name === "complained" ? ["true"] : undefined;
}

/** Every other field, applied together. */
function MoreFields({ direction, filter, onDone }: MoreProps) {
  const names = Object.entries(FIELDS[direction]).filter(([name]) => name !== "status" && name !== "class");
  const [values, setValues] = useState(filter);
  const set = (name: string) => (value: string) => setValues({ ...values, [name]: value });
  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = names.map(([name]) => [name, values[name]?.trim() || undefined] as const);
    setParams({ ...Object.fromEntries(wanted), cursor: undefined }, { replace: false });
    onDone();
  };
  return (
    <form class="card activity-more" onSubmit={submit}>
      <div class="filters">
        {names.map(([name, label]) => {
          const choices = choicesOf(name)?.map((value) => ({ value, name: shown(name, value) }));
          const common = { key: name, label, value: values[name] ?? "" };
          if (!choices) return <TextField {...common} onInput={set(name)} />;
          return <SelectField {...common} choices={[{ value: "", name: "Any" }, ...choices]} onChoose={set(name)} />;
        })}
        <Button type="submit" kind="primary">
          Apply
        </Button>
      </div>
    </form>
  );
}

/** The filters that are set, each with a way to do without. */
function Chosen({ direction, filter }: Props) {
  const set = Object.entries(filter);
  if (set.length === 0) return null;
  const none = Object.fromEntries(set.map(([name]) => [name, undefined]));
  return (
    <ul class="chips" aria-label="Filters that are set">
      {set.map(([name, value]) => (
        <li key={name}>
          <button type="button" class="chip" onClick={() => change(name, undefined)}>
            <span>
              {FIELDS[direction][name]}: <b>{shown(name, value)}</b>
            </span>
            <span class="visually-hidden">, remove this filter</span>
            <Icon name="close" />
          </button>
        </li>
      ))}
      {set.length > 1 && (
        <li>
          <Button kind="quiet" small onClick={() => setParams({ ...none, cursor: undefined }, { replace: false })}>
            Remove all
          </Button>
        </li>
      )}
    </ul>
  );
}
