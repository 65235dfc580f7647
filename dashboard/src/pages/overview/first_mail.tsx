import type { Account } from "../../client/types/core";
import { CopyButton } from "../../kit/button";
import { Card, Empty } from "../../kit/show";
import { href } from "../../router";

interface Props {
  readonly account: Account;
  readonly domain: string;
}

/** Nothing happened: how to begin. */
export function FirstMail({ account, domain }: Props) {
  const command = `curl ${location.origin}/client/v4/accounts/${account.id}/email/sending/send \\
  --header "Authorization: Bearer $TOKEN" --json '{
    "from": "hello@${domain}", "to": "you@example.net",
    "subject": "The first mail", "text": "It works."}'`;
  return (
    <Card>
      <Empty title="No mail in this time">
        <p>
          Choose a longer time at the top, <a href={href("/domains")}>set up a domain</a>, or send a message:
        </p>
      </Empty>
      <div class="first-mail">
        <pre>{command}</pre>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </Card>
  );
}
