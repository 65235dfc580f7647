import { useState } from "preact/hooks";
import { part, put, remove } from "../../client/http";
import type { Secret } from "../../client/types/workers";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { Card, Empty } from "../../kit/show";
import { Table } from "../../kit/table";
import { useMay } from "../../state/session";

interface Props {
  readonly path: string;
  readonly secrets: readonly Secret[];
  readonly changed: () => void;
}

/** Names of secrets; what they say is told to nobody but the Worker. */
export function Secrets({ path, secrets, changed }: Props) {
  const mayEdit = useMay("workers_edit");
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<string>();
  return (
    <Card
      title="Secrets"
      actions={
        mayEdit && (
          <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
            Set secret
          </Button>
        )
      }
    >
      {secrets.length === 0 ? (
        <Empty title="No secrets">
          <p>What code needs and nobody is to read, such as keys of other services, belongs here.</p>
        </Empty>
      ) : (
        <Table
          caption="Secrets"
          rows={secrets}
          keyOf={({ name }) => name}
          columns={[
            { name: "Name in env", cell: ({ name }) => <code>{name}</code>, by: ({ name }) => name },
            { name: "Value", cell: () => <span class="soft">never shown</span> },
            {
              name: "Actions",
              cell: ({ name }) =>
                mayEdit && (
                  <Button small kind="quiet" icon="trash" label={`Remove the secret ${name}`} onClick={() => setLeaving(name)}>
                    {""}
                  </Button>
                ),
            },
          ]}
        />
      )}
      {isAdding && <SetSecret path={path} changed={changed} onClose={() => setAdding(false)} />}
      {leaving !== undefined && (
        <Confirm
          title={`Remove the secret ${leaving}`}
          action="Remove"
          dangerous
          onConfirm={async () => {
            await remove(`${path}/secrets/${part(leaving)}`);
            changed();
          }}
          onClose={() => setLeaving(undefined)}
        >
          <p>
            A new version runs without it from now on: <code>env.{leaving}</code> is undefined there.
          </p>
        </Confirm>
      )}
    </Card>
  );
}

interface SetProps {
  readonly path: string;
  readonly changed: () => void;
  readonly onClose: () => void;
}

function SetSecret({ path, changed, onClose }: SetProps) {
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const save = async () => {
    await put(`${path}/secrets`, { name: name.trim(), text: value, type: "secret_text" });
    changed();
  };
  return (
    <FormDialog title="Set a secret" action="Set" isReady={name.trim() !== "" && value !== ""} onSubmit={save} onClose={onClose}>
      <TextField label="Name in env" value={name} onInput={setName} required autoFocus placeholder="API_KEY" />
      <TextField
        label="Value"
        type="password"
        value={value}
        onInput={setValue}
        required
        autoComplete="new-password"
        hint="Replaces the one before. It takes effect at once, as a new version."
      />
    </FormDialog>
  );
}
