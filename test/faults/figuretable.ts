/** `scaled`: intervals of a fraction of the defaults. */
export type Scale = 'scaled' | 'default';

/** Counts of one round. */
export interface Figures {
  readonly tasks: number;
  readonly lost: number;
  readonly acceptedTwice: number;
  /** Null: some may be, since their worker died or was away for too long. */
  readonly executedTwice: number | null;
  /** Tasks that were claimed more than once. */
  readonly redelivered: number;
  /** From the fault to the last task that began elsewhere or again. Null: not measured in this round. */
  readonly longestMs: number | null;
}

export interface Round extends Figures {
  readonly fault: string;
  readonly scale: Scale;
}

const HEADINGS = ['rounds', 'tasks', 'lost', 'accepted twice', 'executed twice', 'redelivered', 'longest, ms'];

/** One line for each fault and scale, in the order of their first rounds. */
export function formatTable(all: readonly Round[]): string {
  const groups = Map.groupBy(all, ({ fault, scale }) => `${fault} (${scale})`);
  const sum = (group: readonly Round[], key: 'tasks' | 'lost' | 'acceptedTwice' | 'redelivered'): number =>
    group.reduce((total, round) => total + round[key], 0);
  const rows = [...groups].map(([name, group]) => {
    const repeated = group.map(({ executedTwice }) => executedTwice).filter((count) => count !== null);
    const longest = group.map(({ longestMs }) => longestMs).filter((ms) => ms !== null);
    return [
      name,
      group.length,
      sum(group, 'tasks'),
      sum(group, 'lost'),
      sum(group, 'acceptedTwice'),
      repeated.length === 0 ? '-' : repeated.reduce((total, count) => total + count, 0),
      sum(group, 'redelivered'),
      longest.length === 0 ? '-' : Math.max(...longest),
    ].map(String);
  });
  const lines = [['fault (scale)', ...HEADINGS], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
    )
    .join('\n');
}
