import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Version } from "../../client/types/workers";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { Badge, Card, Empty, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { useMay } from "../../state/session";
import type { Known } from "./worker";

interface Props {
  readonly path: string;
  readonly name: string;
  readonly known: Known;
  readonly changed: () => void;
}

/** Versions that are kept and when each ran; any of them can run again. */
export function Versions({ path, name, known, changed }: Props) {
  const { versions, deployments } = known;
  const mayEdit = useMay("workers_edit");
  const [chosen, setChosen] = useState<Version>();
  const running = deployments[0]?.versions[0]?.version_id;
  const number = (id: string | undefined) => versions.find((version) => version.id === id)?.number;
  return (
    <div class="stack">
      <Card title="Versions">
        <Table
          caption={`Versions of ${name}`}
          rows={versions}
          keyOf={({ id }) => id}
          columns={[
            { name: "Version", numeric: true, cell: ({ number }) => number, by: ({ number }) => number },
            { name: "State", cell: ({ id }) => (id === running ? <Badge tone="good">Runs</Badge> : <span class="soft">kept</span>) },
            { name: "Made", cell: ({ metadata }) => <Time at={metadata.created_on} />, by: ({ metadata }) => metadata.created_on },
            { name: "By", cell: ({ metadata }) => metadata.author_email },
            { name: "With", minor: true, cell: ({ metadata }) => metadata.source },
            { name: "Message", minor: true, cell: ({ annotations }) => annotations["workers/message"] ?? "" },
            { name: "Id", minor: true, cell: ({ id }) => <code class="soft">{id.slice(0, 8)}</code> },
            {
              name: "Actions",
              cell: (version) => {
                if (!mayEdit || version.id === running) return null;
                const word = version.number < (number(running) ?? 0) ? "Roll back" : "Deploy";
                return (
                  <Button small label={`${word} to version ${version.number}`} onClick={() => setChosen(version)}>
                    {word}
                  </Button>
                );
              },
            },
          ]}
        />
      </Card>
      <Card title="Deployments">
        {deployments.length === 0 ? (
          <Empty title="Never deployed" />
        ) : (
          <Table
            caption={`Deployments of ${name}`}
            rows={deployments}
            keyOf={({ id }) => id}
            columns={[
              { name: "When", cell: ({ created_on }) => <Time at={created_on} />, by: ({ created_on }) => created_on },
              { name: "Version", numeric: true, cell: (one) => number(one.versions[0]?.version_id) ?? "gone" },
              { name: "By", cell: ({ author_email }) => author_email },
              { name: "With", minor: true, cell: ({ source }) => source },
              { name: "Message", cell: ({ annotations }) => annotations["workers/message"] ?? "" },
            ]}
          />
        )}
      </Card>
      {chosen && <Deploy path={path} name={name} version={chosen} changed={changed} onClose={() => setChosen(undefined)} />}
    </div>
  );
}

interface DeployProps extends Omit<Props, "known"> {
  readonly version: Version;
  readonly onClose: () => void;
}

function Deploy({ path, name, version, changed, onClose }: DeployProps) {
  const deploy = async () => {
    await post(`${path}/deployments`, {
      strategy: "percentage",
      versions: [{ version_id: version.id, percentage: 100 }],
      annotations: { "workers/message": `Version ${version.number} again, from the dashboard` },
    });
    changed();
  };
  return (
    <Confirm title={`Run version ${version.number} of ${name}`} action={`Run version ${version.number}`} onConfirm={deploy} onClose={onClose}>
      <p>
        It takes what comes as soon as it has started; what is under way is finished by the version that runs now. Its code, bindings and
        secrets are as they were when it was made.
      </p>
    </Confirm>
  );
}
