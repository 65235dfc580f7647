// What workerd's own `cloudflare:email` imports.
import { EmailMessage } from "mailwright-internal:email";

export default { EmailMessage };
