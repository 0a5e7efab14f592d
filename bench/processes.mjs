// What Linux tells of processes in /proc.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const ticksPerSecond = process.platform === "linux" ? Number(execFileSync("getconf", ["CLK_TCK"])) : undefined;

/** Whether CPU time and memory can be measured here. */
export const canObserve = ticksPerSecond !== undefined;

function statOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name stands in brackets and may contain anything.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const ticks = (from, to) => fields.slice(from, to).reduce((sum, field) => sum + Number(field), 0);
  return {
    name: text.slice(text.indexOf("(") + 1, end),
    parent: Number(fields[1]),
    own: ticks(11, 13) / ticksPerSecond,
    /** Of children that have ended and were waited for. */
    endedChildren: ticks(13, 15) / ticksPerSecond,
  };
}

function statIfThere(pid) {
  try {
    return statOf(pid);
  } catch {
    return undefined; // it has just ended
  }
}

/** The parent of a process with a certain name: of another, there is none. */
export async function parentOf(pid, name) {
  const process = statOf(pid);
  if (process.name !== name || statOf(process.parent).name !== name) throw new Error(`Process ${pid} is no ${name}.`);
  return process.parent;
}

function allProcesses() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), ...statIfThere(name) }))
    .filter(({ parent }) => parent !== undefined);
}

/**
 * Seconds of CPU that PostgreSQL's main process and its children have used, those that have ended included. In two
 * passes: a child that ends between them is counted once or not yet, never twice.
 */
export function cpuOfPostmaster(pid) {
  const main = statOf(pid);
  return allProcesses()
    .filter(({ parent }) => parent === pid)
    .reduce((sum, child) => sum + child.own, main.own + main.endedChildren);
}

/** Seconds of CPU that a process and those it started have used. */
export function cpuOf(pid) {
  const processes = allProcesses();
  const withChildren = (parent) =>
    processes
      .filter((process) => process.parent === parent)
      .reduce((sum, child) => sum + child.own + child.endedChildren + withChildren(child.pid), 0);
  const { own, endedChildren } = statOf(pid);
  return own + endedChildren + withChildren(pid);
}

function memoryLine(pid, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(line?.[1]) / 1024;
}

/** The memory of a process in MB, now and at its peak. */
export const memoryOf = (pid) => ({ now: memoryLine(pid, "VmRSS"), peak: memoryLine(pid, "VmHWM") });

/** Forgets the peak so far. */
export function resetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Then the peak since its start is reported.
  }
}
