import { useState } from "preact/hooks";
import { CopyButton } from "../../kit/button";
import { Tabs } from "../../kit/page";
import { Card } from "../../kit/show";

const PYTHON = `# pip install standardwebhooks
from standardwebhooks.webhooks import Webhook

def handle(headers, body):                          # body: str, as it came
    batch = Webhook(SECRET).verify(body, headers)   # raises WebhookVerificationError
    for event in batch["data"]:
        ...`;

const JAVASCRIPT = `// npm install standardwebhooks
import { Webhook } from "standardwebhooks";

const batch = new Webhook(process.env.SECRET).verify(rawBody, req.headers);
for (const event of batch.data) { /* … */ }`;

const GO = `func verify(secret string, h http.Header, body []byte) bool {
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	for _, signature := range strings.Fields(h.Get("webhook-signature")) {
		version, text, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(given, mac.Sum(nil)) {
			return true
		}
	}
	return false
}`;

const SAMPLES = [
  { id: "python", name: "Python", code: PYTHON },
  { id: "javascript", name: "JavaScript", code: JAVASCRIPT },
  { id: "go", name: "Go", code: GO },
] as const;

/** How a server checks that a call came from here. */
export function VerifyCard() {
  const [chosen, setChosen] = useState("python");
  const { name, code } = SAMPLES.find(({ id }) => id === chosen) ?? SAMPLES[0];
  return (
    <Card title="Check signatures" actions={<CopyButton text={code} label={`Copy the ${name} sample`} />}>
      <p class="soft">
        Calls are signed by the rules of Standard Webhooks: over <code>webhook-id</code>, <code>webhook-timestamp</code> and the body as it
        came. Refuse time stamps that are off by more than five minutes, and answer 2xx before you do the work.
      </p>
      <Tabs label="Languages" tabs={SAMPLES} chosen={chosen} onChoose={setChosen}>
        <pre tabIndex={0}>{code}</pre>
      </Tabs>
    </Card>
  );
}
