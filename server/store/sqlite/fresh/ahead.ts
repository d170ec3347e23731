import type { Database, Value } from '../file/database.ts';
import { SELECT_TASK, toTask } from '../rows/claimrows.ts';
import { areAlike, createSharing, type TaskTerms, TERMS_ARE, termsValues } from '../rows/terms.ts';
import type { Range } from './ranges.ts';
import { FreshTask } from './task.ts';

/** Tasks of a range from this key on, at most so many, with all that their claim needs. */
export type ReadAhead = (range: Range, from: number, limit: number) => FreshTask[];

/** Fewer are not worth a statement that may find nothing. */
const SHORTEST = 8;
/** Payloads that came as one keep each other in memory; of more bytes each gets its own. */
const MAX_SLAB_BYTES = 64 << 10;

const NOTHING = new Uint8Array(0);

/** What rows have in one: an answer of one row costs a third of one row for each. */
interface Alike {
  readonly count: number;
  readonly ids: string;
  readonly payloads: Uint8Array | null;
  readonly lengths: string;
  /** Smallest and largest. */
  readonly createdAt: readonly [number, number];
  readonly seq: readonly [number, number];
}

function toAlike(c: readonly Value[]): Alike {
  return {
    count: c[0] as number,
    ids: c[1] as string,
    payloads: c[2] as Uint8Array | null,
    lengths: c[3] as string,
    createdAt: [c[4] as number, c[5] as number],
    seq: [c[6] as number, c[7] as number],
  };
}

/** Most tasks that lie together say the same of themselves; where they do not, they are read row by row. */
export function prepareReadAhead(db: Database): ReadAhead {
  const selectRows = db.prepareColumns(`${SELECT_TASK} WHERE key BETWEEN ? AND ? ORDER BY key`, toTask);
  // SQLite keeps the order of an inner query for what concatenates.
  const selectAlike = db.prepareColumns(
    `SELECT count(*), json_group_array(id), CAST(group_concat(payload, '') AS BLOB), group_concat(length(payload)),
       min(created_at), max(created_at), min(seq), max(seq)
     FROM (SELECT id, payload, created_at, seq FROM task WHERE key BETWEEN ? AND ? AND ${TERMS_ARE} ORDER BY key)`,
    toAlike,
  );
  const selectNumbers = db.prepareColumns(
    `SELECT group_concat(created_at), group_concat(seq)
     FROM (SELECT created_at, seq FROM task WHERE key BETWEEN ? AND ? ORDER BY key)`,
    (c) => c.map((numbers) => parseNumbers(numbers as string)),
  );
  const share = createSharing();
  /** Of the tasks that were read last, when they had the same. */
  let terms: TaskTerms | undefined;

  function readRows({ nprio, lane }: Range, from: number, to: number): FreshTask[] {
    const rows = selectRows.all(from, to);
    const last = rows.at(-1)?.terms;
    terms = rows.every((row) => areAlike(row.terms, last!)) ? last : undefined;
    return rows.map((row) => {
      const task = new FreshTask(row.key, nprio, row.seq!, row.payload.byteLength, lane);
      task.kept = { id: row.id, terms: row.terms, slab: row.payload, offset: 0 };
      return task;
    });
  }

  /** Undefined: they are not all alike. */
  function readAlike({ nprio, lane }: Range, from: number, to: number, like: TaskTerms): FreshTask[] | undefined {
    const found = selectAlike.get(from, to, ...termsValues(like))!;
    if (found.count <= to - from) return undefined;
    const [createdAt, lastCreatedAt] = found.createdAt;
    const [seq, lastSeq] = found.seq;
    const isEven = createdAt === lastCreatedAt && lastSeq - seq === to - from;
    const [instants, seqs] = isEven ? [] : selectNumbers.get(from, to)!;
    const lengths = parseNumbers(found.lengths);
    const slab = found.payloads ?? NOTHING;
    const isShared = slab.byteLength <= MAX_SLAB_BYTES;
    const common = share({ ...like, createdAt });
    let offset = 0;
    return (JSON.parse(found.ids) as string[]).map((id, i) => {
      const bytes = lengths[i]!;
      const ofTask = instants ? share({ ...like, createdAt: instants[i]! }) : common;
      const task = new FreshTask(from + i, nprio, seqs?.[i] ?? seq + i, bytes, lane);
      task.kept = isShared
        ? { id, terms: ofTask, slab, offset }
        : { id, terms: ofTask, slab: slab.slice(offset, offset + bytes), offset: 0 };
      offset += bytes;
      return task;
    });
  }

  return (range, from, limit) => {
    const to = Math.min(range.last, from + limit - 1);
    const alike = terms && to - from >= SHORTEST ? readAlike(range, from, to, terms) : undefined;
    return alike ?? readRows(range, from, to);
  };
}

function parseNumbers(numbers: string): number[] {
  return JSON.parse(`[${numbers}]`);
}
