import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/button";

const SCHEMES = ["system", "light", "dark"] as const;
type Scheme = (typeof SCHEMES)[number];
const KEPT_AS = "mailwright.scheme";

function kept(): Scheme {
  const said = localStorage.getItem(KEPT_AS);
  return SCHEMES.find((scheme) => scheme === said) ?? "system";
}

/** Light, dark, or as the system has it. */
export function ThemeButton() {
  const [scheme, setScheme] = useState(kept);
  useEffect(() => {
    document.documentElement.dataset["scheme"] = scheme;
    localStorage.setItem(KEPT_AS, scheme);
  }, [scheme]);
  const next = SCHEMES[(SCHEMES.indexOf(scheme) + 1) % SCHEMES.length] ?? "system";
  return (
    <Button kind="quiet" icon="sun" label={`Colours: ${scheme}. Change to ${next}`} onClick={() => setScheme(next)}>
      <span class="wide-only">{scheme}</span>
    </Button>
  );
}
