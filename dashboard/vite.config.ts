import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  // Only for `npm run dev`: the server whose data is shown, and the token it is asked with.
  const { MAILWRIGHT_URL: target = "http://127.0.0.1:8787", MAILWRIGHT_TOKEN: token } = loadEnv(mode, ".", "MAILWRIGHT_");
  const proxy = { target, ws: true, headers: token ? { Authorization: `Bearer ${token}` } : {} };
  return {
    esbuild: { jsx: "automatic", jsxImportSource: "preact" },
    build: {
      target: "es2022",
      // Nothing is inlined: the policy of the server's pages refuses it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    server: {
      proxy: { "/client": proxy, "/cdn-cgi": proxy, "/session": proxy, "/health": proxy, "/version": proxy, "/docs": proxy },
    },
  };
});
