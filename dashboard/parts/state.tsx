import type { TaskState } from '../shapes.ts';

const WORDS: Readonly<Record<string, string>> = {
  timed_out: 'timed out',
};

/** The state of a task, or how an attempt ended: a word with a mark, so that it is told by more than a colour. */
export function State({ state }: { readonly state: TaskState | string }) {
  return (
    <span class={`state ${state}`}>
      <i aria-hidden="true" />
      {WORDS[state] ?? state}
    </span>
  );
}
