// Loaded before the project, to measure what its row rules cost: every viewer sees every row.
import { register } from "node:module";

const hook = `
  export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith("/src/graph/access/row-rules.js")) return loaded;
    const rule = "export function visibleRows(";
    const source = String(loaded.source);
    if (!source.includes(rule)) throw new Error("The row rules are no longer where they were.");
    const none = 'export function visibleRows() { return { op: "and", of: [] }; }\\nfunction ruled(';
    return { ...loaded, source: source.replace(rule, none) };
  }
`;

register(`data:text/javascript,${encodeURIComponent(hook)}`);
