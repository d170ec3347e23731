import { useEffect, useRef, useState } from 'preact/hooks';
import { countTasks } from '../api.ts';
import { actInSteps, type BulkKind, countOf } from '../bulk.ts';
import { formatTasks } from '../format.ts';
import type { TaskFilter } from '../shapes.ts';
import { Confirm } from './dialog.tsx';
import { tell } from './notice.tsx';

interface BulkProps {
  readonly kind: BulkKind;
  /** Of the tasks that it is done to. */
  readonly filter: TaskFilter;
  /** The filter in words. */
  readonly words: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Tells what an act on a filter would be done to, by the server's count, and does it. */
export function BulkDialog({ kind, filter, words, onClose, onDone }: BulkProps) {
  const [count, setCount] = useState<number>();
  const [done, setDone] = useState<number>();
  const ended = useRef(new AbortController());
  // What is asked about does not change while it is asked.
  useEffect(() => {
    countTasks(filter, ended.current.signal).then(
      (counts) => setCount(countOf(counts, filter)),
      (error: unknown) => {
        if (ended.current.signal.aborted) return;
        tell(error instanceof Error ? error.message : String(error), true);
        onClose();
      },
    );
    return () => ended.current.abort();
  }, []);
  const act = async (): Promise<void> => {
    setDone(0);
    try {
      const total = await actInSteps(kind.act, filter, ended.current.signal, setDone);
      tell(`${formatTasks(total)} ${kind.done}`);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), true);
    }
    onDone();
  };
  const tasks = count === undefined ? 'tasks' : formatTasks(count);
  return (
    <Confirm
      title={`${kind.verb}: ${tasks}?`}
      verb={done === undefined ? `${kind.verb}: ${tasks}` : 'Under way'}
      isGrave={kind.isGrave}
      isDisabled={!count || done !== undefined}
      onConfirm={() => void act()}
      onClose={onClose}
    >
      <p>
        {count === undefined && 'The server counts …'}
        {count === 0 && 'There are none any more: nothing would be done.'}
        {count !== undefined && count > 0 && `The server finds ${tasks}: ${words}. ${kind.text}`}
      </p>
      {done !== undefined && count !== undefined && (
        <>
          <progress value={done} max={count} aria-label={`${done} of ${tasks}`} />
          <p class="quiet">Closing this ends it after the step that is under way.</p>
        </>
      )}
    </Confirm>
  );
}
