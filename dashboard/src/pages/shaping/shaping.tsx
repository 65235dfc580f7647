import { useState } from "preact/hooks";
import { post } from "../../client/http";
import { Button } from "../../kit/button";
import { useAction } from "../../kit/load";
import { Page, Tabs } from "../../kit/page";
import { Failure, Notice } from "../../kit/show";
import { setParams, useRoute } from "../../router";
import { ActingTab } from "./acting";
import { AutomaticTab } from "./automatic";
import { EffectiveTab } from "./effective";
import { ReplayTab } from "./replay";
import "./shaping.css";

const TABS = [
  { id: "effective", name: "What holds" },
  { id: "acting", name: "Acting now" },
  { id: "automatic", name: "Automatic actions" },
  { id: "replay", name: "Try a file" },
];

/** How fast mail goes where, why, and what the engine did about it by itself. */
export default function ShapingPage() {
  const { params } = useRoute();
  const tab = params.get("tab") ?? "effective";
  return (
    <Page title="Shaping" lead="How fast mail goes to whom, who says so, and what the engine does by itself." actions={<Reload />}>
      <Tabs label="Parts of shaping" tabs={TABS} chosen={tab} onChoose={(tab) => setParams({ tab })}>
        {tab === "acting" ? <ActingTab /> : tab === "automatic" ? <AutomaticTab /> : tab === "replay" ? <ReplayTab /> : <EffectiveTab />}
      </Tabs>
    </Page>
  );
}

/** Reads the file again. */
function Reload() {
  const [isDone, setDone] = useState(false);
  const act = useAction(async () => {
    setDone(false);
    await post("/delivery/shaping/reload");
    setDone(true);
  });
  return (
    <div class="reload">
      <Button icon="refresh" busy={act.isRunning} onClick={() => void act.run()}>
        Read the file again
      </Button>
      <div role="status" class="said">
        {isDone && <Notice tone="good">The file is valid and in force.</Notice>}
      </div>
      <Failure failure={act.failure} />
    </div>
  );
}
