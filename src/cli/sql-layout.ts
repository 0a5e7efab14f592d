/** Words before which a line begins. */
const clauses =
  /^(SELECT|FROM|WHERE|AND|JOIN|LEFT JOIN|CROSS JOIN|ORDER BY|GROUP BY|LIMIT|UNION ALL|VALUES|INSERT|UPDATE|DELETE|RETURNING)$/;
/** Words that belong together, texts, names in quotation marks, brackets, commas, and all else up to the next of them. */
const token =
  /\s*((?:LEFT JOIN|CROSS JOIN|ORDER BY|GROUP BY|UNION ALL)\b|'(?:[^']|'')*'|"(?:[^"]|"")*"(?:\.[\w"]+)*|[(),]|[^\s(),'"]+(?:"[^"]*")?)/g;
const maximumWidth = 110;

/** Formats a statement for reading: one clause per line, brackets indented. The result may not be executable. */
export function layOutSql(text: string): string {
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  /** For each bracket that is open, whether it holds a statement. */
  const brackets: boolean[] = [];
  const end = () => {
    if (line.trim()) lines.push(line);
    line = "";
  };
  const put = (word: string, gap: boolean) => {
    line = line ? `${line}${gap ? " " : ""}${word}` : `${"  ".repeat(depth)}${word}`;
  };
  const tokens = [...text.matchAll(token)].map(([all, word]) => ({ word: word!, gap: all.length > word!.length }));
  tokens.forEach(({ word, gap }, i) => {
    if (word === "(") {
      const holds = /^(SELECT|\(|WITH)$/.test(tokens[i + 1]?.word ?? "") && holdsStatement(tokens, i + 1);
      put(word, gap);
      brackets.push(holds);
      if (!holds) return;
      end();
      depth++;
    } else if (word === ")") {
      if (brackets.pop()) {
        end();
        depth--;
      }
      put(word, false);
    } else {
      if (clauses.test(word) && brackets.at(-1) !== false) end();
      else if (line.length > maximumWidth && tokens[i - 1]?.word === ",") {
        end();
        put(" ", false);
      }
      put(word, gap);
    }
  });
  end();
  return lines.join("\n");
}

/** Whether brackets at the start lead to a SELECT. */
function holdsStatement(tokens: readonly { word: string }[], from: number): boolean {
  const first = tokens.slice(from).find(({ word }) => word !== "(");
  return first?.word === "SELECT" || first?.word === "WITH";
}
