import { createHash } from "node:crypto";
import { examples } from "./playground-examples.js";

export interface Page {
  html: string;
  contentSecurityPolicy: string;
}

/** A node with its relations, on a plate. In data, not a file: nothing more to fetch. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><g stroke="#fff" stroke-width="2"><path d="M16 16 8 8M16 16l9-6M16 16 9 25M16 16l8 8"/></g><g fill="#fff"><circle cx="16" cy="16" r="5"/><circle cx="8" cy="8" r="2.5"/><circle cx="25" cy="10" r="2.5"/><circle cx="9" cy="25" r="2.5"/><circle cx="24" cy="24" r="2.5"/></g></svg>`;

const title = "Customer graph";

/**
 * For what the page shows until GraphiQL has been loaded, a second or so on the first visit; and against two faults of
 * GraphiQL: a tab that is pressed jumps away from under the mouse, and the title breaks when there are many tabs.
 */
const style = `
      html, body, #root { height: 100%; margin: 0; }
      #root > p { font: 16px system-ui, sans-serif; color: #64748b; padding: 4rem; text-align: center; }
      @media (prefers-color-scheme: dark) { body { background: #212a3b; } }
      .graphiql-container .graphiql-tab { transform: none !important; }
      .graphiql-container .graphiql-logo { white-space: nowrap; }
    `;

/**
 * The page around GraphiQL, whose files are under `assets`, an address relative to the page's own. Scripts come from
 * this server only, and the one script in the page is named by its hash; nothing comes from or goes to elsewhere.
 * `headers` go with every request; those of the headers tab come before them.
 */
export function renderPage(assets: string, headers: Record<string, string>): Page {
  const script = start(assets, headers);
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
    <style>${style}</style>
    <script>${script}</script>
    <script src="${assets}graphiql.js" defer></script>
  </head>
  <body class="no-focus-outline">
    <div id="root"><p>Loading the playground …</p></div>
    <noscript>The playground needs JavaScript. GraphQL itself is served at /graphql.</noscript>
    <link rel="stylesheet" href="${assets}graphiql.css">
  </body>
</html>
`;
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash("sha256").update(script).digest("base64")}'`,
    "worker-src 'self'",
    // The editor styles each token and line through style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, contentSecurityPolicy };
}

/**
 * The script that starts GraphiQL. Its storage has names of its own, since other projects on this port share the
 * browser's; and the tab that was open last is given back to it, or it would open an empty one on each reload.
 */
function start(assets: string, headers: Record<string, string>): string {
  return `
      const examples = ${json(examples)};
      const workers = { graphql: "graphql", json: "json", editorWorkerService: "editor" };
      self.MonacoEnvironment = {
        globalAPI: false,
        getWorkerUrl: (_, label) => ${json(assets)} + workers[label] + ".worker.js",
      };
      const prefix = "customer-graph:";
      const storage = {
        getItem: (key) => localStorage.getItem(prefix + key),
        setItem: (key, value) => localStorage.setItem(prefix + key, value),
        removeItem: (key) => localStorage.removeItem(prefix + key),
        clear: () => Object.keys(localStorage).forEach((key) => key.startsWith(prefix) && localStorage.removeItem(key)),
        get length() { return Object.keys(localStorage).filter((key) => key.startsWith(prefix)).length; },
      };
      function lastTab() {
        try {
          const { tabs, activeTabIndex } = JSON.parse(storage.getItem("graphiql:tabState"));
          return tabs[activeTabIndex];
        } catch {}
      }
      addEventListener("DOMContentLoaded", () => {
        const link = new URLSearchParams(location.search);
        const tab = link.has("query") ? { query: link.get("query"), variables: link.get("variables") } : lastTab();
        YogaGraphiQL.renderYogaGraphiQL(document.querySelector("#root"), {
          title: ${json(title)},
          logo: ${json(icon)},
          // As an address it is that of queries; it is called for each operation, which its option for subscriptions is not.
          endpoint: Object.assign(
            ({ operationType }) => (operationType === "subscription" ? "graphql/stream" : "graphql"),
            { toString: () => "graphql" },
          ),
          method: "POST",
          additionalHeaders: ${json(headers)},
          storage,
          defaultTabs: examples,
          initialQuery: (tab ?? examples[0]).query ?? "",
          initialVariables: (tab ?? examples[0]).variables ?? "",
          initialHeaders: tab?.headers ?? "",
          defaultEditorToolsVisibility: "variables",
          // Headers may hold a token: kept only if the user says so in the settings.
          shouldPersistHeaders: storage.getItem("graphiql:shouldPersistHeaders") === "true" || undefined,
          // Instead of writing each edit into the page's address.
          onEditQuery: () => {},
        });
      });
    `;
}

/** Escapes a value as JSON for an inline script. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
