import { part } from "../../client/http";

/** Where the webhooks of an account are, and one of them. */
export function webhooksPath(account: string, id?: string): string {
  const all = `/accounts/${part(account)}/email/sending/webhooks`;
  return id === undefined ? all : `${all}/${part(id)}`;
}
