import type { TaskContext } from '../client/index.ts';

/** What a command is told of its task. */
export type ToldTask = Pick<
  TaskContext,
  'taskId' | 'queue' | 'attempt' | 'maxAttempts' | 'delivery' | 'contentType' | 'metadata'
>;

/** Variables of a command; one that is undefined is taken out of what it would inherit. */
export type TaskVariables = Readonly<Record<string, string | undefined>>;

const PREFIX = 'CONTACT_TASK_';
const META_PREFIX = `${PREFIX}META_`;
/** What every shell can read: behind the prefix a digit may come first. */
const NAME = /^[A-Za-z0-9_]+$/;

/**
 * The environment of a command that runs a task. Names of variables all begin with `CONTACT_`, so that no producer sets one
 * that means something to a shell or a loader, and values are handed over as they are. What the contract bounds (64 pairs,
 * 16 KiB) fits. `inherited`: a command that is itself run for a task is told nothing of another one.
 */
export function describeTask(task: ToldTask, inherited: NodeJS.ProcessEnv = process.env): TaskVariables {
  const stale = Object.keys(inherited).filter((name) => name.startsWith(PREFIX));
  const pairs = Object.entries(task.metadata).filter(([name, value]) => isVariable(name, value));
  return {
    ...Object.fromEntries(stale.map((name) => [name, undefined])),
    CONTACT_QUEUE: task.queue,
    CONTACT_ATTEMPT: String(task.attempt),
    CONTACT_TASK_ID: task.taskId,
    CONTACT_TASK_QUEUE: task.queue,
    CONTACT_TASK_ATTEMPT: String(task.attempt),
    CONTACT_TASK_MAX_ATTEMPTS: String(task.maxAttempts),
    CONTACT_TASK_DELIVERY: String(task.delivery),
    CONTACT_TASK_CONTENT_TYPE: task.contentType,
    CONTACT_TASK_METADATA: JSON.stringify(task.metadata),
    ...Object.fromEntries(pairs.map(([name, value]) => [`${META_PREFIX}${name}`, value])),
  };
}

/** Names of metadata that no variable of their own tells; CONTACT_TASK_METADATA has them too. */
export function findLeftOut({ metadata }: Pick<ToldTask, 'metadata'>): string[] {
  return Object.entries(metadata).flatMap(([name, value]) => (isVariable(name, value) ? [] : [name]));
}

/** A variable ends at its first NUL. */
function isVariable(name: string, value: string): boolean {
  return NAME.test(name) && !value.includes('\0');
}

/** As many names as somebody reads; that there are more is told with the last. */
const MOST_TOLD = 20;

/** Tells once of each name that is left out. */
export function createLeftOutTeller(say: (line: string) => void): (task: Pick<ToldTask, 'metadata'>) => void {
  // Bounded by MOST_TOLD.
  const told = new Set<string>();
  return (task) => {
    for (const name of findLeftOut(task)) {
      if (told.has(name) || told.size === MOST_TOLD) continue;
      told.add(name);
      const more = told.size === MOST_TOLD ? '; of further names nothing is said' : '';
      say(`metadata ${name}: no variable can have it, CONTACT_TASK_METADATA has it${more}`);
    }
  };
}
