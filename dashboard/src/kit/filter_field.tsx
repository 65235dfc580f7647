import { useEffect, useState } from "preact/hooks";
import { TextField } from "./field";

/** How long nobody has to type before what was typed counts. */
const PAUSE = 400;

interface Props {
  readonly label: string;
  readonly value: string;
  readonly onSettle: (value: string) => void;
  readonly placeholder?: string;
}

/** A field that narrows a list down: it counts when nobody has typed for a moment. */
export function FilterField({ label, value, onSettle, placeholder }: Props) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onSettle(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label={label} type="search" value={text} onInput={setText} placeholder={placeholder} />;
}
