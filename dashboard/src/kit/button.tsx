import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: () => void;
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly type?: "button" | "submit";
  readonly icon?: IconName;
  readonly disabled?: boolean;
  /** Something is under way that the button began. */
  readonly busy?: boolean;
  readonly small?: boolean;
  /** What it does, where its content is not enough to know. */
  readonly label?: string;
  readonly pressed?: boolean;
}

export function Button(props: ButtonProps) {
  const { children, onClick, kind = "plain", type = "button", icon, disabled, busy, small, label, pressed } = props;
  return (
    <button
      type={type}
      class={`button ${kind}${small ? " small" : ""}`}
      onClick={onClick}
      disabled={disabled || busy}
      aria-busy={busy}
      aria-label={label}
      aria-pressed={pressed}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly primary?: boolean;
  readonly small?: boolean;
}

/** A link that looks like a button: it leads somewhere and changes nothing. */
export function ButtonLink({ to, children, primary, small }: LinkProps) {
  return (
    <a class={`button ${primary ? "primary" : "plain"}${small ? " small" : ""}`} href={to}>
      {children}
    </a>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  const [said, setSaid] = useState<string>();
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(undefined), 2_000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => {
    copied(text).then(
      () => setSaid("Copied"),
      () => setSaid("Not copied: select it instead"),
    );
  };
  return (
    <span class="copy">
      <button type="button" class="button quiet small" onClick={copy} aria-label={label} title={label}>
        <Icon name={said === "Copied" ? "check" : "copy"} />
      </button>
      <span role="status" class="visually-hidden">
        {said}
      </span>
    </span>
  );
}

/** The clipboard is there on pages by https and on the machine itself only; elsewhere the old way is left. */
async function copied(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("the browser refused");
}
