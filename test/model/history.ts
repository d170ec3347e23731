import type { HistoryRecord, HistoryStore } from '../../server/store/history.ts';

/** What nodes have counted lately, as plainly as it can be said. */
export function createHistory(): HistoryStore {
  let all: readonly HistoryRecord[] = [];
  return {
    async keepHistory({ from, ...record }, keptFrom) {
      const isKept = ({ node, until }: HistoryRecord): boolean =>
        until >= keptFrom && (node !== record.node || until <= from);
      all = [...all.filter(isKept), { ...record, bytes: Uint8Array.from(record.bytes) }];
    },
    listHistory: async (node, since) =>
      all.filter((one) => one.node === node && one.until >= since).toSorted((a, b) => b.until - a.until),
  };
}
