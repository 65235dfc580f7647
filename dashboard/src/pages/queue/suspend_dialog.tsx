import { useState } from "preact/hooks";
import { SelectField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { Confirm } from "../../kit/dialog";
import { useScope } from "../../state/scope";
import { lengthOf, scopeName } from "./held";
import { resume, suspend } from "./orders";

interface Props {
  /** What is suspended, as `domain:example.com`; undefined to be asked for. */
  readonly scope?: string | undefined;
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

const KINDS = [
  { value: "domain", name: "A domain" },
  { value: "site", name: "A site" },
  { value: "source", name: "A source" },
  { value: "tenant", name: "An account" },
];
const HELD: Readonly<Record<string, string>> = {
  domain: "Mail to the domain is still accepted, and waits.",
  site: "Mail of all domains behind these hosts is still accepted, and waits.",
  source: "Mail leaves from another source of its pool; where there is none, it waits.",
  tenant: "Mail of the account is still accepted, and waits.",
};
const FOREVER = "until somebody resumes it";
const OTHER = "another time …";
const LENGTHS = ["30m", "2h", "6h", "24h", FOREVER, OTHER];

/** Holds the mail of a domain, site, source or account. */
export function SuspendDialog({ scope, onDone, onClose }: Props) {
  const { accounts } = useScope();
  const named = accounts.map(({ id, name }) => ({ value: id, name }));
  const [given = "domain", ...givenName] = (scope ?? "").split(":");
  const [kind, setKind] = useState(scope ? given : "domain");
  const [name, setName] = useState(givenName.join(":"));
  const [length, setLength] = useState("2h");
  const [other, setOther] = useState("");
  const [reason, setReason] = useState("");
  const lasting = length === OTHER ? lengthOf(other) : length === FOREVER ? undefined : length;
  const isLength = length === FOREVER || lasting !== undefined;
  const submit = async () => {
    const whole = `${kind}:${name.trim()}`;
    await suspend(whole, lasting, reason.trim());
    onDone(`${scopeName(whole, accounts)} is suspended${lasting ? ` for ${lasting}` : ""}.`);
  };
  return (
    <FormDialog
      title={scope ? `Suspend ${scopeName(scope, accounts)}` : "Suspend delivery"}
      action="Suspend"
      isReady={name.trim() !== "" && isLength}
      onSubmit={submit}
      onClose={onClose}
    >
      {!scope && (
        <>
          <SelectField
            label="What"
            value={kind}
            choices={KINDS}
            onChoose={(kind) => {
              setKind(kind);
              setName(kind === "tenant" ? (accounts[0]?.id ?? "") : "");
            }}
          />
          {kind === "tenant" ? (
            <SelectField label="Which" value={name} choices={named} onChoose={setName} />
          ) : (
            <TextField label="Its name" value={name} onInput={setName} required />
          )}
        </>
      )}
      <p class="soft">{HELD[kind]} It grows old all the same, and is given up at its maximum age.</p>
      <SelectField
        label="For how long"
        value={length}
        choices={LENGTHS.map((value) => ({ value, name: value }))}
        onChoose={setLength}
      />
      {length === OTHER && (
        <TextField
          label="Length"
          value={other}
          onInput={setOther}
          placeholder="90m"
          problem={other && !isLength ? "Write it as 90m, 12h or 3d." : undefined}
        />
      )}
      <TextField label="Why" value={reason} onInput={setReason} hint="Whoever looks at held mail reads this." />
    </FormDialog>
  );
}

interface ResumeProps {
  readonly scope: string;
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

export function ResumeDialog({ scope, onDone, onClose }: ResumeProps) {
  const { accounts } = useScope();
  const name = scopeName(scope, accounts);
  const confirm = async () => {
    await resume(scope);
    onDone(`${name} is no longer suspended.`);
  };
  return (
    <Confirm title={`Resume ${name}`} action="Resume" onConfirm={confirm} onClose={onClose}>
      <p>What waits for it is delivered as fast as its limits allow.</p>
    </Confirm>
  );
}
