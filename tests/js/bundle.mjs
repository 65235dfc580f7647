// Bundles Workers as `wrangler deploy` does, without its second of start for each: bundle.mjs JOBS, where JOBS is JSON, a list
// of {name, files, wrap}. `files` are read as one module, one after the other; with `wrap` they stand inside a fetch() handler
// that answers `response`, or what was thrown, as JSON. Prints {name: code}.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const isBuiltin = (path) => path.startsWith("node:") || builtinModules.includes(path);

// What the runtime has itself stays an import, also where CommonJS requires it.
const runtime = {
  name: "runtime",
  setup(build) {
    build.onResolve({ filter: /^cloudflare:/ }, () => ({ external: true }));
    build.onResolve({ filter: /./ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      return kind === "require-call" ? { path, namespace: "required" } : { path, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `import it from ${JSON.stringify(path)};\nmodule.exports = it;`,
      loader: "js",
    }));
  },
};

async function bundled({ name, files, wrap }) {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const text = texts.join("\n");
  const contents = wrap
    ? `export default { async fetch(request, env) {\ntry {\n${text}\nreturn Response.json(response);\n} catch (error) {
return Response.json({ code: error.code, message: error.message }, { status: 500 });\n}\n} };`
    : text;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dirname(files[0]), sourcefile: name, loader: extname(files[0]) === ".ts" ? "ts" : "jsx" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    keepNames: true,
    conditions: ["workerd", "worker", "browser"],
    define: { "process.env.NODE_ENV": '"production"', "navigator.userAgent": '"Cloudflare-Workers"' },
    nodePaths: [packages],
    plugins: [runtime],
    logLevel: "error",
  });
  return [name, outputFiles[0].text];
}

const jobs = JSON.parse(process.argv[2]);
process.stdout.write(JSON.stringify(Object.fromEntries(await Promise.all(jobs.map(bundled)))));
