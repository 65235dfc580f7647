import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { RecordChanges } from "../../client/types/dns";
import { Button } from "../../kit/button";
import { CheckField } from "../../kit/field";
import { FormDialog } from "../../kit/form";

interface Props {
  readonly path: string;
  readonly name: string;
  readonly done: () => void;
}

/** Has the server publish the records, where it may change the zone at its name server. */
export function Publish({ path, name, done }: Props) {
  const [isAsking, setAsking] = useState(false);
  const [replace, setReplace] = useState(false);
  const publish = async () => {
    await post<RecordChanges>(`${path}/dns`, { replace });
    done();
  };
  return (
    <>
      <Button small onClick={() => setAsking(true)}>
        Publish
      </Button>
      {isAsking && (
        <FormDialog title={`Publish the records of ${name}`} action="Publish" onSubmit={publish} onClose={() => setAsking(false)}>
          <p>
            The server adds the missing records at the name server that its operator configured (<code>[[sending.dns_updates]]</code>). Nothing is
            done by halves: if one record is in the way, none is added.
          </p>
          <CheckField
            label="Replace what is in the way"
            checked={replace}
            onChange={setReplace}
            hint="Removes records of others at the same names, such as a foreign key or return path. DMARC policies always stay."
          />
        </FormDialog>
      )}
    </>
  );
}
