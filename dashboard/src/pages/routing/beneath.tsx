import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { Badge, Card } from "../../kit/show";
import { Table } from "../../kit/table";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
  readonly changed: () => void;
  readonly mayEdit: boolean;
}

/** Domains beneath a zone's own that take mail, too. */
export function Beneath({ zone, settings, changed, mayEdit }: Props) {
  const [isAdding, setAdding] = useState(false);
  const [turning, setTurning] = useState<RoutingSettings["subdomains"][number]>();
  const turn = async (name: string, to: "enable" | "disable") => {
    await post(`/zones/${zone.id}/email/routing/${to}`, { name });
    changed();
  };
  const rows = settings.subdomains;
  return (
    <Card
      title="Domains beneath"
      actions={
        mayEdit && (
          <Button small icon="plus" onClick={() => setAdding(true)}>
            Add domain
          </Button>
        )
      }
    >
      {rows.length === 0 ? (
        <p class="soft">Only addresses at {zone.name} itself take mail.</p>
      ) : (
        <Table
          caption={`Domains beneath ${zone.name} that take mail`}
          rows={rows}
          keyOf={({ name }) => name}
          columns={[
            { name: "Domain", cell: ({ name }) => name, by: ({ name }) => name },
            { name: "State", cell: ({ enabled }) => <Badge tone={enabled ? "good" : "muted"}>{enabled ? "Takes mail" : "Off"}</Badge> },
            {
              name: "Actions",
              cell: (row) =>
                mayEdit && (
                  <Button small label={`${row.enabled ? "Disable" : "Enable"} ${row.name}`} onClick={() => setTurning(row)}>
                    {row.enabled ? "Disable" : "Enable"}
                  </Button>
                ),
            },
          ]}
        />
      )}
      {isAdding && <Add zone={zone} turn={turn} onClose={() => setAdding(false)} />}
      {turning && (
        <Confirm
          title={`${turning.enabled ? "Disable" : "Enable"} ${turning.name}`}
          action={turning.enabled ? "Disable" : "Enable"}
          onConfirm={() => turn(turning.name, turning.enabled ? "disable" : "enable")}
          onClose={() => setTurning(undefined)}
        >
          <p>
            {turning.enabled
              ? `Mail for ${turning.name} is refused from now on; its rules stay.`
              : `Mail for ${turning.name} is taken, as far as rules have it.`}
          </p>
        </Confirm>
      )}
    </Card>
  );
}

interface AddProps {
  readonly zone: Zone;
  readonly turn: (name: string, to: "enable") => Promise<void>;
  readonly onClose: () => void;
}

function Add({ zone, turn, onClose }: AddProps) {
  const [name, setName] = useState("");
  return (
    <FormDialog
      title="Take mail for a domain beneath"
      action="Enable"
      isReady={name.trim() !== ""}
      onSubmit={() => turn(name.trim(), "enable")}
      onClose={onClose}
    >
      <TextField
        label="Domain"
        value={name}
        onInput={setName}
        placeholder={`support.${zone.name}`}
        required
        autoFocus
        hint="Its records are listed with those of the zone."
      />
    </FormDialog>
  );
}
