import { render } from "preact";
import { App } from "./app/app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/kit.css";
import "./styles/shell.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
