import { type ActRecord, isTogether, joinActs, type NewAct, recordOf, subjectOf } from '../../server/model/act.ts';
import type { ActStore } from '../../server/store/acts.ts';

/** What operators have ordered, as plainly as it can be said: nothing is ever forgotten. */
export interface ModelActs extends ActStore {
  note(act: NewAct): void;
  /** What one request does to many is one act of each kind: noted once it is done. */
  during<T>(run: () => T): T;
}

export function createActs(): ModelActs {
  let all: ActRecord[] = [];
  let newest = 0;
  let noted: NewAct[] = [];

  function write(act: Omit<ActRecord, 'number'>): void {
    const alike = all.filter(
      ({ by, kind, queue, clientId }) =>
        by === act.by && kind === act.kind && queue === act.queue && clientId === act.clientId,
    );
    const before = alike.toSorted((a, b) => b.number - a.number)[0];
    newest += 1;
    if (before && isTogether(before, act)) {
      all = [...all.filter((one) => one !== before), { ...joinActs(before, act), number: newest }];
    } else all = [...all, { ...act, number: newest }];
  }

  function during<T>(run: () => T): T {
    const answer = run();
    const bySubject = new Map<string, Omit<ActRecord, 'number'>>();
    for (const act of noted.map(recordOf)) {
      const before = bySubject.get(subjectOf(act));
      bySubject.set(subjectOf(act), before ? joinActs(before, act) : act);
    }
    noted = [];
    for (const act of bySubject.values()) write(act);
    return answer;
  }

  const note = (act: NewAct): void => {
    if (act.by !== '') noted.push(act);
  };

  return {
    note,
    during,
    noteAct: async (act) => during(() => note(act)),
    listActs: async (before, since, limit) =>
      all
        .filter(({ number, at }) => number < (before ?? Number.POSITIVE_INFINITY) && at >= since)
        .sort((a, b) => b.number - a.number)
        .slice(0, limit),
  };
}
