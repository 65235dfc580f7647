import type { PermissionGroup } from "../../client/types/accounts";
import { CheckField } from "../../kit/field";
import { useScope } from "../../state/scope";
import { useSession } from "../../state/session";
import { covers, inOrder, mayGrant, nameOf, PERMISSIONS } from "./reach";

interface PermissionProps {
  readonly groups: readonly PermissionGroup[];
  /** Names of permissions. */
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** What it may do, each with what that means. */
export function PermissionFields({ groups, chosen, onChange }: PermissionProps) {
  const { session } = useSession();
  return (
    <fieldset class="choices">
      <legend>What it may do</legend>
      {inOrder(groups).map(({ name }) => {
        const wider = chosen.find((other) => other !== name && covers(other, name));
        const mayNot = !mayGrant(session, name);
        const means = mayNot ? "Your own token may not do this." : wider ? `Part of “${nameOf(wider)}”.` : PERMISSIONS[name]?.[1];
        return (
          <CheckField
            key={name}
            label={nameOf(name)}
            hint={means}
            checked={chosen.includes(name) || Boolean(wider)}
            disabled={mayNot || Boolean(wider)}
            onChange={(isChosen) => onChange(isChosen ? [...chosen, name] : chosen.filter((other) => other !== name))}
          />
        );
      })}
    </fieldset>
  );
}

interface ZoneProps {
  /** Ids of zones; undefined for all. */
  readonly chosen: readonly string[] | undefined;
  readonly onChange: (chosen: readonly string[] | undefined) => void;
}

/** With which zones. */
export function ZoneFields({ chosen, onChange }: ZoneProps) {
  const { zones } = useScope();
  if (zones.length === 0) return null;
  return (
    <fieldset class="choices">
      <legend>With which zones</legend>
      <CheckField
        label="All zones, those to come too"
        checked={!chosen}
        onChange={(isAll) => onChange(isAll ? undefined : [])}
      />
      {chosen &&
        zones.map(({ id, name }) => (
          <CheckField
            key={id}
            label={name}
            checked={chosen.includes(id)}
            onChange={(isChosen) => onChange(isChosen ? [...chosen, id] : chosen.filter((other) => other !== id))}
          />
        ))}
    </fieldset>
  );
}
