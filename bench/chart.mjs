import { queries } from "./queries.mjs";

/** Colours that stand on white as on black. Hand-written SQL is the line at 1 and has no bar. */
const colours = {
  "handwritten-shared": "#8c959f",
  project: "#2f81f7",
  "project-customer": "#7cb7ff",
  "project-unruled": "#a9c8ea",
  postgraphile: "#e08a1e",
  mercurius: "#2da44e",
  "typegraphql-prisma": "#d1566b",
  "pothos-yoga": "#9a6fd6",
};

const width = 860;
const left = 16;
const right = 60;
const barHeight = 11;
const barGap = 2;
const headHeight = 24;
const groupGap = 14;
const legendRow = 20;
const legendColumns = 3;
const legendColumn = (width - left) / legendColumns;

/** Bars that compare throughput on each query, hand-written SQL being 1: an SVG for light and dark pages alike. */
export function chart({ queries: measured, systems }) {
  const shown = systems.filter(({ name }) => name in colours);
  const groups = Object.entries(measured)
    .filter(([, results]) => results.handwritten)
    .map(([query, results]) => ({
      query,
      bars: shown
        .filter(({ name }) => results[name])
        .map(({ name, title }) => ({ name, title, ratio: results[name].perSecond / results.handwritten.perSecond })),
    }));
  const most = Math.max(1.1, ...groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  const x = (ratio) => left + ((width - left - right) * ratio) / most;

  const top = 42 + Math.ceil((shown.length + 1) / legendColumns) * legendRow;
  const parts = [];
  let y = top;
  for (const { query, bars } of groups) {
    parts.push(text(left, y + 15, `<tspan class="name">${query}</tspan>  ${queries[query].title}`, "group"));
    y += headHeight;
    for (const { name, title, ratio } of bars) {
      const length = Math.max(x(ratio) - left, 1).toFixed(1);
      parts.push(
        `<rect x="${left}" y="${y}" width="${length}" height="${barHeight}" rx="1.5" fill="${colours[name]}">` +
          `<title>${title}, ${query}: ${ratio.toFixed(2)}</title></rect>`,
        text((x(ratio) + 5).toFixed(1), y + 9.5, ratio.toFixed(2), name === "project" ? "value own" : "value"),
      );
      y += barHeight + barGap;
    }
    y += groupGap;
  }
  const height = y + 4;
  const yardstick = `<line x1="${x(1).toFixed(1)}" x2="${x(1).toFixed(1)}" y1="${top}" y2="${y - groupGap}" class="one"/>`;
  const legend = [...shown, { name: "handwritten", title: "hand-written SQL = 1" }].map(({ name, title }, i) => {
    const atX = left + (i % legendColumns) * legendColumn;
    const atY = 40 + Math.floor(i / legendColumns) * legendRow;
    const mark = colours[name]
      ? `<rect x="${atX}" y="${atY}" width="11" height="11" rx="1.5" fill="${colours[name]}"/>`
      : `<line x1="${atX + 5.5}" x2="${atX + 5.5}" y1="${atY - 1}" y2="${atY + 12}" class="one"/>`;
    return mark + text(atX + 17, atY + 10, title, "legend");
  });

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Throughput of several servers on ${groups.length} queries, as a ratio to hand-written SQL">
<style>
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .group, .legend { font-size: 12px; }
  .name { font-weight: 600; }
  .value { font-size: 10.5px; fill: #59636e; stroke: #fff; stroke-width: 3px; paint-order: stroke; }
  .own { font-weight: 700; fill: #1f2328; }
  .one { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .value { fill: #9198a1; stroke: #0d1117; }
    .own { fill: #e6edf3; }
    .one { stroke: #9198a1; }
  }
</style>
${text(left, 22, "Requests a second, as a ratio to a hand-written SQL server (longer is better)", "title")}
${legend.join("\n")}
${yardstick}
${parts.join("\n")}
</svg>
`;
}

const text = (x, y, content, kind) => `<text x="${x}" y="${y}" class="${kind}">${content}</text>`;
