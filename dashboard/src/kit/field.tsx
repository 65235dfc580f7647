// Fields of forms, each with its label, what it is for, and what is wrong with it.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly problem?: string | undefined;
}

interface TextProps extends Common {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: "text" | "email" | "search" | "url" | "password" | "number" | "datetime-local";
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly autoComplete?: string;
  /** Lines of it; more than one makes a larger field. */
  readonly lines?: number;
  readonly hideLabel?: boolean;
}

export function TextField(props: TextProps) {
  const { value, onInput, type = "text", placeholder, required, autoFocus, autoComplete = "off", lines = 1 } = props;
  const id = useId();
  const common = {
    id,
    value,
    placeholder,
    required,
    autoFocus,
    "aria-describedby": `${id}-hint`,
    "aria-invalid": Boolean(props.problem),
  };
  return (
    <Labelled id={id} {...props}>
      {lines > 1 ? (
        <textarea {...common} rows={lines} spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
      ) : (
        <input
          {...common}
          // The types of attributes want to know which of the kinds it is; all that are used here are alike.
          type={type as "text"}
          autoComplete={autoComplete}
          spellcheck={false}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Labelled>
  );
}

export interface Choice {
  readonly value: string;
  readonly name: string;
}

interface SelectProps extends Common {
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChoose: (value: string) => void;
  readonly hideLabel?: boolean;
}

export function SelectField(props: SelectProps) {
  const id = useId();
  return (
    <Labelled id={id} {...props}>
      <select
        id={id}
        value={props.value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => props.onChoose(event.currentTarget.value)}
      >
        {props.choices.map(({ value, name }) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface CheckProps extends Common {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
}

export function CheckField({ label, hint, checked, onChange, disabled }: CheckProps) {
  const id = useId();
  return (
    <div class="field check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      <p id={`${id}-hint`} class="hint">
        {hint}
      </p>
    </div>
  );
}

interface LabelledProps extends Common {
  readonly id: string;
  readonly hideLabel?: boolean;
  readonly children: ComponentChildren;
}

function Labelled({ id, label, hint, problem, hideLabel, children }: LabelledProps) {
  return (
    <div class={`field${problem ? " wrong" : ""}`}>
      <label for={id} class={hideLabel ? "visually-hidden" : undefined}>
        {label}
      </label>
      {children}
      <p id={`${id}-hint`} class="hint">
        {problem ?? hint}
      </p>
    </div>
  );
}
