import { SecretDialog } from "../../kit/secret";

/** The secret of a webhook that was made or got another one just now. */
export function SigningSecret({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  return (
    <SecretDialog title="The signing secret" secret={secret} onClose={onClose}>
      <p class="soft">Your server checks with it that a call came from here. Without the check anybody can post to you.</p>
    </SecretDialog>
  );
}
