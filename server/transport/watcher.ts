import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TaskService, WatchTaskResponseSchema } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import type { Handler } from '../../shared/grpc.ts';
import { isTaskId } from '../../shared/ids.ts';
import type { Pace } from '../api/pace.ts';
import type { Activity } from '../dispatch/activities.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { isSettled } from '../model/states.ts';
import type { TaskRecord } from '../model/task.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';

/** What happens to one task is told at most this often. */
const PACE_MS = 250;

/** Covers a change that nobody told of, such as one on another node. */
const LOOK_MS = 5_000;

type Message = MessageInitShape<typeof WatchTaskResponseSchema>;

/** One task, live: its state at first and with every change, and between them the newest progress. */
export function createTaskStream(
  queue: TaskQueue,
  ends: CallEnds,
  clock: Clock,
  pace: Pace,
  write: (record: TaskRecord) => Promise<Extract<NonNullable<Message['event']>, { case: 'task' }>['value']>,
): Handler<(typeof TaskService.method)['watchTask']> {
  return (call) => {
    const peer = call.getPeer();
    const { id } = call.request;
    ends.open(call, peer);
    const out = ends.outflow(call, peer);

    // Of each kind the newest only, so that a slow reader costs no memory.
    let started: (Activity & { kind: 'started' }) | undefined;
    let progress: (Activity & { kind: 'progress' }) | undefined;
    let isChanged = true;
    let wake: () => void = () => undefined;

    function take(activity: Activity): void {
      if (activity.kind === 'changed') isChanged = true;
      else if (activity.kind === 'started') started = activity;
      else progress = activity;
      wake();
    }

    /** Until something has happened, and no sooner than the pace allows. */
    async function pause(): Promise<void> {
      const happened = new Promise<void>((resolve) => {
        wake = resolve;
        if (isChanged || started || progress) resolve();
      });
      const stopLook = new Promise<void>((resolve) => {
        const takeBack = clock.after(LOOK_MS, () => {
          isChanged = true;
          resolve();
        });
        void happened.then(takeBack);
      });
      await Promise.race([happened, stopLook]);
      await new Promise<void>((resolve) => clock.after(PACE_MS, resolve));
    }

    async function send(message: Message, bytes = 0): Promise<boolean> {
      return out.write(message, 256 + bytes) || out.hasRoom();
    }

    async function run(): Promise<void> {
      if (!isTaskId(id)) throw invalid('id', 'expected a UUIDv7 in lower case');
      let told = '';
      out.keep(() => ({}));
      while (!isOver(call)) {
        if (isChanged) {
          isChanged = false;
          await pace();
          if (isOver(call)) return;
          const record = await queue.store.describeTask(id);
          if (!record) throw new ContactError('NOT_FOUND', `no task ${id}`, { field: 'id' });
          const { state, delivery, attempt, cancelRequested } = record;
          const now = `${state} ${delivery} ${attempt} ${cancelRequested}`;
          const bytes = record.payload.byteLength + (record.settled?.result.byteLength ?? 0);
          if (now !== told && !(await send({ event: { case: 'task', value: await write(record) } }, bytes))) return;
          told = now;
          if (isSettled(state)) return;
        }
        if (started) {
          const { delivery } = started;
          started = undefined;
          if (!(await send({ event: { case: 'started', value: { taskId: id, delivery } } }))) return;
        }
        if (progress) {
          const { delivery, fraction, message } = progress;
          progress = undefined;
          const value = { taskId: id, delivery, fraction, message };
          if (!(await send({ event: { case: 'progress', value } }))) return;
        }
        await pause();
      }
    }

    const subscription = queue.activities.watch(id).subscribe(take);
    call.on('cancelled', () => wake());
    run()
      .then(
        () => {
          if (!isOver(call)) call.end();
        },
        (error: unknown) => ends.end(call, peer, error),
      )
      .finally(() => subscription.unsubscribe());
  };
}
