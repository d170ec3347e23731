import type { classic } from '../../gen/index.ts';
import type { Handlers } from '../../shared/grpc.ts';
import type { ClassicHandlers } from '../api/classic.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';

/** The getTask of classic clients. It keeps its call object: tasks are pushed into it by whoever has them. */
export function createTextStream(
  { openTasks }: ClassicHandlers,
  ends: CallEnds,
): Pick<Handlers<typeof classic.Contact>, 'getTask'> {
  return {
    getTask(call) {
      const context = new CallContext(call, ends);
      const { peer } = context;
      ends.open(call, peer);
      const close = openTasks(context, {
        isOver: () => isOver(call),
        write: (task, onTaken) => call.write({ task }, onTaken),
        onDrain: (listener) => call.on('drain', listener),
        end: (error) => (error ? ends.end(call, peer, error) : call.end()),
      });
      let isClosed = false;
      const leave = (): void => {
        if (!isClosed) close();
        isClosed = true;
      };
      call.on('cancelled', leave);
      call.on('finish', leave);
    },
  };
}
