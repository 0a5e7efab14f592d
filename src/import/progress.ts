import type { Progress } from "./import.js";

export interface ProgressDisplay {
  show(progress: Progress): void;
  /** Prints a line above the bar. */
  line(text: string): void;
  /** Clears the bar. */
  end(): void;
}

/** A bar that is drawn in place on a terminal; elsewhere a line every few seconds. */
export function createProgress(output: NodeJS.WriteStream, now: () => number = Date.now): ProgressDisplay {
  return output.isTTY ? bar(output, now) : lines(output, now);
}

function bar(output: NodeJS.WriteStream, now: () => number): ProgressDisplay {
  let drawn = "";
  let drawnAt = 0;
  const clear = () => {
    if (drawn) output.write("\r\x1b[K");
    drawn = "";
  };
  return {
    show(progress) {
      if (progress.done !== progress.total && drawn.startsWith(progress.phase) && now() - drawnAt < 100) return;
      const width = 30;
      const { total } = progress;
      const filled = total ? Math.round((width * progress.done) / total) : 0;
      const gauge = total ? ` [${"=".repeat(filled)}${" ".repeat(width - filled)}]` : "";
      const text = `${progress.phase}${gauge}${amount(progress)}`.slice(0, (output.columns || 80) - 1);
      clear();
      output.write(text);
      drawn = text;
      drawnAt = now();
    },
    line(text) {
      clear();
      output.write(`${text}\n`);
    },
    end: clear,
  };
}

function lines(output: NodeJS.WriteStream, now: () => number): ProgressDisplay {
  let phase = "";
  let printedAt = 0;
  return {
    show(progress) {
      if (progress.phase === phase && now() - printedAt < 5000) return;
      phase = progress.phase;
      printedAt = now();
      output.write(`${phase}${amount(progress)}\n`);
    },
    line: (text) => void output.write(`${text}\n`),
    end: () => {},
  };
}

function amount({ phase, done, total }: Progress): string {
  if (phase === "waiting") return " for another import to end";
  if (phase === "preparing") return " the staged resources";
  if (phase === "selecting") return " rows of the customers";
  const percent = total ? ` ${Math.floor((100 * done) / total)}%` : "";
  if (phase === "reading") return `${percent}, ${(done / 1e6).toFixed(1)} MB`;
  return `${percent}, ${done.toLocaleString("en-US")} of ${total?.toLocaleString("en-US")} resources`;
}
