import { useState } from "preact/hooks";
import { all } from "../../client/http";
import type { Token } from "../../client/types/accounts";
import { Button } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { SecretDialog } from "../../kit/secret";
import { Empty, Failure, Skeleton } from "../../kit/show";
import { useScope } from "../../state/scope";
import { useMay } from "../../state/session";
import { CreateToken } from "./create";
import { LimitsCard } from "./limits";
import { isOf } from "./reach";
import { TokenTable } from "./table";
import "./tokens.css";
import { TokenDialog, type Asked } from "./token_dialog";

export default function TokensPage() {
  const { account, zones } = useScope();
  const may = useMay("admin");
  const found = useLoad((signal) => all<Token>("/user/tokens", { signal }), [account?.id]);
  const [isMaking, setMaking] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const [secret, setSecret] = useState<string>();
  if (!account) return <Empty title="There is no account yet" />;
  const own = found.data?.filter((token) => isOf(token, account.id, zones));
  const shown = (value: string) => {
    setSecret(value);
    found.reload();
  };
  const make = may && (
    <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
      New token
    </Button>
  );
  return (
    <Page title="Tokens" lead={`Who may use the API for ${account.name}, and how much may be sent.`} actions={make}>
      <Failure failure={found.failure} again={found.reload} />
      {!own && !found.failure && <Skeleton lines={5} />}
      {own?.length === 0 && (
        <Empty title="No token of this account may be managed by you">
          <p>
            {may
              ? "Make one for each program that sends, so that each can be taken away by itself."
              : "Tokens are for those who may do everything in the account."}
          </p>
        </Empty>
      )}
      {own && own.length > 0 && <TokenTable tokens={own} onAsk={setAsked} />}
      <LimitsCard account={account.id} />
      {isMaking && <CreateToken account={account} onDone={shown} onClose={() => setMaking(false)} />}
      {asked && <TokenDialog asked={asked} onSecret={shown} onChange={found.reload} onClose={() => setAsked(undefined)} />}
      {secret && (
        <SecretDialog title="The token" secret={secret} onClose={() => setSecret(undefined)}>
          <p class="soft">
            Programs send it as <code>Authorization: Bearer …</code>, and as the password of SMTP submission.
          </p>
        </SecretDialog>
      )}
    </Page>
  );
}
