import { Page } from "../../kit/page";

export default function WorkersPage() {
  return <Page title="Workers">{null}</Page>;
}
