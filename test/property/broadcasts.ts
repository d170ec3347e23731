import fc from 'fast-check';
import { PARENT_LANE } from '../../server/model/lane.ts';
import type { TaskInput } from '../../server/model/task.ts';
import { type DrawnTask, pick, type Scene, task, toDraw, toTask } from './draw.ts';

export const broadcast = toDraw(
  'broadcast',
  fc.record({
    parent: task,
    audience: fc.constantFrom('connected:', 'connected:', 'known:'),
    children: fc.array(task, { maxLength: 4 }),
    isWhole: fc.boolean(),
  }),
  (drawn, scene) => {
    const known = scene.tasks.filter((one) => one.lane === PARENT_LANE);
    const parent = { ...toTask(drawn.parent, { ...scene, tasks: known }), lane: PARENT_LANE };
    const children = toChildren(drawn.children, parent.id, scene);
    scene.tasks.push(parent, ...children);
    const { now } = scene;
    const { audience, isWhole } = drawn;
    return {
      name: 'broadcast',
      rank: 3,
      run: (store) => store.insertBroadcast({ ...parent, audience }, children, now, isWhole ? null : 'test'),
    };
  },
);

function toChildren(drawn: readonly DrawnTask[], parentId: string, scene: Scene): TaskInput[] {
  return drawn.map((child) => {
    // Mostly new ones: a child that was there already refuses them all.
    const again = child.again !== null && child.again % 4 === 0 ? child.again : null;
    return { ...toTask({ ...child, again, idempotencyKey: null }, scene), parentId };
  });
}

/** What is done to a broadcast that is not open yet, or is. */
export const fill = toDraw(
  'fill',
  fc.record({
    kind: fc.constantFrom('extend', 'extend', 'open', 'open', 'abandon'),
    parent: pick,
    children: fc.array(task, { maxLength: 4 }),
    limit: fc.integer({ min: 1, max: 4 }),
  }),
  ({ kind, parent, children: drawn, limit }, scene) => {
    const { now } = scene;
    const known = scene.tasks.filter((one) => one.lane === PARENT_LANE);
    // Mostly the newest: the older are open.
    const { id } = known[Math.max(0, known.length - 1 - (parent % 3))] ?? { id: 'none' };
    if (kind === 'open') return { name: kind, rank: 4, run: (store) => store.openBroadcast(id, limit, now) };
    if (kind === 'abandon') return { name: kind, rank: 4, run: (store) => store.abandonBroadcast(id, limit) };
    const children = toChildren(drawn, id, scene);
    scene.tasks.push(...children);
    return { name: kind, rank: 3, run: (store) => store.extendBroadcast(id, children, now) };
  },
);
