import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Account } from "../../client/types/core";
import { Button } from "../../kit/button";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { Page } from "../../kit/page";
import { Empty, Notice } from "../../kit/show";
import { chooseAccount, useScope } from "../../state/scope";
import { AccountDialog, type Asked } from "./account_dialog";
import { AccountTable } from "./table";

/** Accounts of the server, for operators. */
export default function AccountsPage() {
  const { accounts, reload } = useScope();
  const [isMaking, setMaking] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const [made, setMade] = useState<Account>();
  const keep = (account: Account) => {
    setMade(account);
    reload();
  };
  return (
    <Page
      title="Accounts"
      lead="Who sends from this server, and how much each may."
      actions={
        <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>
          New account
        </Button>
      }
    >
      <div role="status" class="said">
        {made && (
          <Notice tone="good">
            {made.name} is there. It needs a zone and a token next.{" "}
            <Button small onClick={() => chooseAccount(made.id)}>
              Look at it
            </Button>
          </Notice>
        )}
      </div>
      {accounts.length === 0 ? (
        <Empty title="There is no account yet">
          <p>An account has its own domains, tokens, limits and suppressions.</p>
        </Empty>
      ) : (
        <AccountTable accounts={accounts} onAsk={setAsked} />
      )}
      {isMaking && <NewAccount onDone={keep} onClose={() => setMaking(false)} />}
      {asked && <AccountDialog asked={asked} onChange={reload} onClose={() => setAsked(undefined)} />}
    </Page>
  );
}

interface NewProps {
  readonly onDone: (account: Account) => void;
  readonly onClose: () => void;
}

function NewAccount({ onDone, onClose }: NewProps) {
  const [name, setName] = useState("");
  const submit = async () => onDone((await post<Account>("/accounts", { name: name.trim() })).result);
  return (
    <FormDialog title="New account" action="Make the account" isReady={name.trim() !== ""} onSubmit={submit} onClose={onClose}>
      <TextField label="Name" value={name} onInput={setName} required autoFocus hint="It can be changed later." />
    </FormDialog>
  );
}
