import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** What a server did, as strace saw it, in order. */
export type Step = WalWrite | SyncStart | SyncEnd | Told;

export interface WalWrite {
  readonly kind: 'wal';
  readonly text: string;
}

/** What was written until now will be on disk when the sync has ended well. */
export interface SyncStart {
  readonly kind: 'syncStart';
  readonly thread: string;
}

export interface SyncEnd {
  readonly kind: 'syncEnd';
  readonly thread: string;
  readonly isDone: boolean;
}

/** Bytes that were handed to a TCP connection. */
export interface Told {
  readonly kind: 'told';
  readonly connection: string;
  readonly text: string;
}

const CALLS = 'pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync';
const LINE = /^(\d+) +(\w+)\(\d+<(TCP:\[[^\]]*\]|[^>]*)>/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>/;

/**
 * What must run a server so that its trace is in `file`; the server stays the process that was started.
 * @param inject faults in strace's words, `fsync:signal=SIGKILL:when=3`
 */
export function traceInto(file: string, inject?: string): string[] {
  // Whole buffers, and names for descriptors. The filter makes it fast, but with it faults are not injected.
  const how = inject === undefined ? ['--seccomp-bpf'] : ['-e', `inject=${inject}`];
  return ['strace', '-D', '-f', '-yy', '-s', '262144', '-e', `trace=${CALLS}`, ...how, '-o', file];
}

/** Undefined: servers can be traced here. */
export function whyNoTrace(): string | undefined {
  const [command = '', ...args] = [...traceInto('/dev/null'), 'true'];
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return `strace cannot be run: ${error.message}`;
  return status === 0 && stderr === '' ? undefined : `strace does not work: ${stderr.trim()}`;
}

/** The server's last line is there: strace has written everything. */
export function isTraceComplete(file: string, pid: number): boolean {
  return existsSync(file) && new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, 'm').test(readFileSync(file, 'utf8'));
}

export function readTrace(file: string): Step[] {
  return parseTrace(readFileSync(file, 'utf8'));
}

/** A write to the WAL counts from its end on, a write to a connection from its beginning. */
export function parseTrace(trace: string): Step[] {
  const steps: Step[] = [];
  const unfinished = new Map<string, Step>();
  for (const line of trace.split('\n')) {
    const resumed = RESUMED.exec(line);
    if (resumed) {
      const [, pid, call] = resumed;
      const begun = unfinished.get(`${pid} ${call}`);
      if (begun?.kind === 'wal') steps.push(begun);
      if (begun?.kind === 'syncStart') steps.push({ ...begun, kind: 'syncEnd', isDone: hasSucceeded(line) });
      unfinished.delete(`${pid} ${call}`);
      continue;
    }
    const [head, pid, call, target] = LINE.exec(line) ?? [];
    if (head === undefined || target === undefined) continue;
    const step = readStep(pid ?? '', call ?? '', target, line.slice(head.length));
    if (!step) continue;
    if (step.kind === 'told' || step.kind === 'syncStart') steps.push(step);
    if (line.endsWith('<unfinished ...>')) unfinished.set(`${pid} ${call}`, step);
    else if (step.kind === 'wal') steps.push(step);
    else if (step.kind === 'syncStart') steps.push({ ...step, kind: 'syncEnd', isDone: hasSucceeded(line) });
  }
  return steps;
}

function readStep(thread: string, call: string, target: string, text: string): Step | undefined {
  if (target.startsWith('TCP:')) return { kind: 'told', connection: target, text };
  if (!target.endsWith('-wal')) return undefined;
  return call.endsWith('sync') ? { kind: 'syncStart', thread } : { kind: 'wal', text };
}

function hasSucceeded(line: string): boolean {
  return / = 0$/.test(line);
}

/** One thing that a connection was told, and what must have been on disk by then. */
export interface Claim {
  readonly words: string;
  readonly needs: string;
}

export interface Findings {
  readonly claims: number;
  readonly syncs: number;
  /** Claims of what was not on disk when they left. */
  readonly unfounded: string[];
}

/** What a power cut at any moment would have made untrue. `claimsOf` reads what a connection was told. */
export function checkTrace(
  steps: readonly Step[],
  tokens: RegExp,
  claimsOf: (told: Told) => readonly Claim[],
): Findings {
  const findings = { claims: 0, syncs: 0, unfounded: [] as string[] };
  const written: string[] = [];
  const durable = new Set<string>();
  let durableCount = 0;
  /** How much was written when the sync of a thread began. */
  const countAtStart = new Map<string, number>();
  for (const step of steps) {
    if (step.kind === 'wal') written.push(...(step.text.match(tokens) ?? []));
    else if (step.kind === 'syncStart') countAtStart.set(step.thread, written.length);
    else if (step.kind === 'syncEnd') {
      if (!step.isDone) continue;
      findings.syncs += 1;
      for (; durableCount < countAtStart.get(step.thread)!; durableCount += 1) durable.add(written[durableCount]!);
    } else {
      for (const { words, needs } of claimsOf(step)) {
        findings.claims += 1;
        if (!durable.has(needs)) findings.unfounded.push(words);
      }
    }
  }
  return findings;
}
