import type { ComponentType } from 'preact';
import { Access } from './screens/access.tsx';
import { ClientScreen } from './screens/client.tsx';
import { Clients } from './screens/clients.tsx';
import { Enqueue } from './screens/enqueue.tsx';
import { Missing } from './screens/missing.tsx';
import { Overview } from './screens/overview.tsx';
import { QueueScreen } from './screens/queue.tsx';
import { Queues } from './screens/queues.tsx';
import { Results } from './screens/results.tsx';
import { TaskScreen } from './screens/task.tsx';
import { Tasks } from './screens/tasks.tsx';
import { isOperator, mayEnqueue, mayObserve } from './session.ts';

interface ListedScreen {
  readonly name: string;
  readonly path: readonly string[];
  /** Default: it is. */
  readonly isShown?: () => boolean;
}

/** What is offered beside every screen. */
export const SCREENS: readonly ListedScreen[] = [
  { name: 'Overview', path: [], isShown: () => mayObserve.value },
  { name: 'Queues', path: ['queues'], isShown: () => mayObserve.value },
  { name: 'Tasks', path: ['tasks'] },
  { name: 'Clients', path: ['clients'], isShown: () => mayObserve.value },
  { name: 'Live results', path: ['results'], isShown: () => mayObserve.value },
  { name: 'Access', path: ['access'], isShown: () => isOperator.value },
  { name: 'New task', path: ['enqueue'], isShown: () => mayEnqueue.value },
];

type Found = readonly [ComponentType<{ readonly name: string }>, { readonly name: string }];

/** The screen of an address, and the name that it is about. */
export function findScreen([first = '', name]: readonly string[]): Found {
  const named = name === undefined ? LISTS[first] : ONES[first];
  return [(named ?? Missing) as ComponentType<{ readonly name: string }>, { name: name ?? '' }];
}

const LISTS: Readonly<Record<string, ComponentType>> = {
  '': Overview,
  queues: Queues,
  tasks: Tasks,
  clients: Clients,
  results: Results,
  enqueue: Enqueue,
  access: Access,
};

const ONES: Readonly<Record<string, ComponentType<{ readonly name: string }>>> = {
  queues: QueueScreen,
  tasks: TaskScreen,
  clients: ClientScreen,
};
