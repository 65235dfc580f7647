import { all, get } from "../../client/http";
import type { ActionType, Destination, RoutingAction } from "../../client/types/routing";
import type { Worker } from "../../client/types/workers";
import { SelectField } from "../../kit/field";
import { useLoad } from "../../kit/load";
import { Failure, Notice } from "../../kit/show";
import { href } from "../../router";
import { useAccount } from "../../state/scope";

export function isWhole({ type, value }: RoutingAction): boolean {
  return type === "drop" || Boolean(value?.[0]);
}

interface Props {
  readonly action: RoutingAction;
  readonly onChange: (action: RoutingAction) => void;
}

const TYPES: readonly { readonly value: ActionType; readonly name: string }[] = [
  { value: "forward", name: "Forward" },
  { value: "worker", name: "Hand to a Worker" },
  { value: "drop", name: "Drop: take it and throw it away" },
];

/** What becomes of mail: to which destination or Worker, or nowhere. */
export function ActionFields({ action, onChange }: Props) {
  const account = useAccount();
  const found = useLoad(
    async (signal) => {
      const [destinations, workers] = await Promise.all([
        all<Destination>(`/accounts/${account.id}/email/routing/addresses`, { signal }),
        // Who may not read Workers can forward all the same.
        get<Worker[]>(`/accounts/${account.id}/workers/scripts`, { signal }).then(({ result }) => result).catch(() => []),
      ]);
      return { destinations, workers };
    },
    [account.id],
  );
  const { destinations = [], workers = [] } = found.data ?? {};
  const [value = ""] = action.value ?? [];
  const names =
    action.type === "forward"
      ? destinations.map(({ email, verified }) => ({ value: email, name: verified ? email : `${email} (not verified yet)` }))
      : workers.map(({ id }) => ({ value: id, name: id }));
  // What a rule names may be gone.
  const known = value === "" || names.some((one) => one.value === value) ? names : [...names, { value, name: value }];
  const isUnverified = action.type === "forward" && destinations.some(({ email, verified }) => email === value && !verified);
  return (
    <>
      <SelectField
        label="What is done with it"
        value={action.type}
        choices={TYPES}
        onChoose={(type) => onChange(type === "drop" ? { type } : { type: type as ActionType, value: [] })}
      />
      {action.type !== "drop" && (
        <SelectField
          label={action.type === "forward" ? "Destination" : "Worker"}
          value={value}
          choices={[{ value: "", name: "Choose …" }, ...known]}
          onChoose={(chosen) => onChange({ ...action, value: chosen ? [chosen] : [] })}
          hint={
            action.type === "forward" ? (
              <a href={href("/routing", { tab: "destinations" })}>Add a destination</a>
            ) : (
              <a href={href("/workers")}>Workers</a>
            )
          }
        />
      )}
      {isUnverified && <Notice tone="warn">The rule waits until the owner of this address has agreed.</Notice>}
      <Failure failure={found.failure} />
    </>
  );
}
