import { Page } from "../../kit/page";

export default function ShapingPage() {
  return <Page title="Shaping">{null}</Page>;
}
