import type { ChildCounts } from '../../../model/broadcast.ts';
import type { SettledState } from '../../../model/task.ts';
import type { UnopenedBroadcast } from '../../broadcasts.ts';
import type { Database } from '../../file/database.ts';

export type Phase = 'open' | 'filling' | 'opening';

/** A broadcast of which no child is counted yet. */
export interface NewBroadcast {
  readonly phase: 'open' | 'filling';
  /** When its children are due, once it is open. */
  readonly runAt: number | null;
  /** Who fills it; empty: nobody. */
  readonly node: string;
  readonly audience: string;
}

/** The counts of broadcasts, by the key of the parent, and the children that they hold. */
export interface Children {
  /** Begins to count a broadcast. */
  create(parentKey: number, broadcast: NewBroadcast): void;
  /** Counts children that are live and have these keys; those of a broadcast that is filling are held. */
  add(parentKey: number, firstKey: number, lastKey: number): void;
  /** The parent for which a live task counts when it settles; null: none, or it has counted already. */
  parentOf(key: number): number | null;
  /** Counts a child; answers all counts. Undefined: the broadcast is not open, so that it cannot end yet. */
  count(parentKey: number, state: SettledState): ChildCounts | undefined;
  find(parentKey: number): ChildCounts | undefined;
  /** Whom a broadcast is for; null: that was not written down, or the task is no broadcast. */
  audienceOf(parentKey: number): string | null;
  /** How far a broadcast is; undefined: the task is no broadcast. */
  phaseOf(parentKey: number): { readonly phase: Phase; readonly runAt: number | null } | undefined;
  move(parentKey: number, phase: 'opening' | 'open'): void;
  /** Gives `take` at most `limit` children that are held, after which they must not be; false: some are left. */
  takeHeld(parentKey: number, limit: number, take: (key: number, laneId: number) => void): boolean;
  listUnopened(node: string): readonly UnopenedBroadcast[];
  forget(parentKey: number): void;
}

interface Range {
  readonly first_key: number;
  readonly last_key: number;
}

interface PhaseRow {
  readonly phase: number;
  readonly run_at: number | null;
}

/** Phases as they are stored, by their places. */
const PHASES: readonly Phase[] = ['open', 'filling', 'opening'];
const OPEN = PHASES.indexOf('open');
const OPENING = PHASES.indexOf('opening');

const COUNTS = 'children, succeeded, failed, cancelled, expired';

/** One process has the file: what is filling when it is opened was left, by whatever node. */
export function inheritBroadcasts(db: Database): void {
  db.exec("UPDATE broadcast SET node = '' WHERE parent_key IN (SELECT parent_key FROM held)");
}

export function createChildren(db: Database): Children {
  const insert = db.prepare('INSERT INTO broadcast VALUES (?, 0, 0, 0, 0, 0, ?, ?, ?, ?)');
  const grow = db.prepare<{ phase: number }>(
    'UPDATE broadcast SET children = children + ? WHERE parent_key = ? RETURNING phase',
  );
  const mark = db.prepare('UPDATE live SET parent_key = ? WHERE task_key BETWEEN ? AND ?');
  const selectParent = db.prepare<{ parent_key: number | null }>('SELECT parent_key FROM live WHERE task_key = ?');
  const select = db.prepare<ChildCounts>(`SELECT ${COUNTS} FROM broadcast WHERE parent_key = ?`);
  const prepareCount = (state: SettledState) =>
    db.prepare<ChildCounts & { phase: number }>(
      `UPDATE broadcast SET ${state} = ${state} + 1 WHERE parent_key = ? RETURNING ${COUNTS}, phase`,
    );
  const counting = {
    succeeded: prepareCount('succeeded'),
    failed: prepareCount('failed'),
    cancelled: prepareCount('cancelled'),
    expired: prepareCount('expired'),
  };
  const selectAudience = db.prepare<{ audience: string | null }>('SELECT audience FROM broadcast WHERE parent_key = ?');
  const selectPhase = db.prepare<PhaseRow>('SELECT phase, run_at FROM broadcast WHERE parent_key = ?');
  const updatePhase = db.prepare('UPDATE broadcast SET phase = ? WHERE parent_key = ?');
  const insertRange = db.prepare('INSERT INTO held VALUES (?, ?, ?)');
  const selectRange = db.prepare<Range>(
    'SELECT first_key, last_key FROM held WHERE parent_key = ? ORDER BY first_key LIMIT 1',
  );
  const shortenRange = db.prepare('UPDATE held SET first_key = ? WHERE parent_key = ? AND first_key = ?');
  const deleteRange = db.prepare('DELETE FROM held WHERE parent_key = ? AND first_key = ?');
  const selectHeld = db.prepare<{ task_key: number; lane_id: number }>(
    `SELECT task_key, lane_id FROM live WHERE task_key BETWEEN ? AND ?
       AND parent_key = ? AND state = 2 AND run_at IS NULL ORDER BY task_key LIMIT ?`,
  );
  // Broadcasts are found by their ranges, which every one has that is not open.
  const selectUnopened = db.prepare<{ id: string; phase: number }>(
    `SELECT id, phase FROM (SELECT DISTINCT parent_key FROM held) JOIN broadcast USING (parent_key)
       JOIN task ON key = parent_key WHERE node IN ('', ?) ORDER BY parent_key`,
  );
  const remove = db.prepare('DELETE FROM broadcast WHERE parent_key = ?');

  function takeHeld(parentKey: number, limit: number, take: (key: number, laneId: number) => void): boolean {
    let left = limit;
    for (;;) {
      const range = selectRange.get(parentKey);
      if (!range) return true;
      // One more is read than is taken, to know where to go on.
      const rows = selectHeld.all(range.first_key, range.last_key, parentKey, left + 1);
      for (const { task_key, lane_id } of rows.slice(0, left)) take(task_key, lane_id);
      const next = rows[left];
      if (next) {
        shortenRange.run(next.task_key, parentKey, range.first_key);
        return false;
      }
      left -= rows.length;
      deleteRange.run(parentKey, range.first_key);
    }
  }

  return {
    create: (parentKey, { phase, runAt, node, audience }) => {
      insert.run(parentKey, PHASES.indexOf(phase), runAt, node, audience);
    },
    add: (parentKey, firstKey, lastKey) => {
      const { phase } = grow.get(lastKey - firstKey + 1, parentKey)!;
      mark.run(parentKey, firstKey, lastKey);
      if (phase !== OPEN) insertRange.run(parentKey, firstKey, lastKey);
    },
    parentOf: (key) => selectParent.get(key)?.parent_key ?? null,
    count: (parentKey, state) => {
      const { phase, ...counts } = counting[state].get(parentKey)!;
      return phase === OPEN ? counts : undefined;
    },
    find: (parentKey) => {
      const counts = select.get(parentKey);
      // A copy is a plain object, while a row of node:sqlite has no prototype.
      return counts && { ...counts };
    },
    audienceOf: (parentKey) => selectAudience.get(parentKey)?.audience ?? null,
    phaseOf: (parentKey) => {
      const row = selectPhase.get(parentKey);
      return row && { phase: PHASES[row.phase]!, runAt: row.run_at };
    },
    move: (parentKey, phase) => {
      updatePhase.run(PHASES.indexOf(phase), parentKey);
    },
    takeHeld,
    listUnopened: (node) =>
      selectUnopened.all(node).map(({ id, phase }) => ({ parentId: id, isOpening: phase === OPENING })),
    forget: (parentKey) => {
      remove.run(parentKey);
    },
  };
}
