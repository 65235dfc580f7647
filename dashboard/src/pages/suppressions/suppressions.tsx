import { Page } from "../../kit/page";

export default function SuppressionsPage() {
  return <Page title="Suppressions">{null}</Page>;
}
