import type { ClaimableTask, LaneEntry, ReadyRow, TaskTerms } from '../rows/index.ts';

/** A task that has been ready since its insert, in the place that it was inserted with. Nothing has happened to it. */
export class FreshTask implements ReadyRow {
  readonly task_key: number;
  readonly nprio: number;
  readonly seq: number;
  /** Bytes of the payload. */
  readonly bytes: number;
  readonly lane: LaneEntry;
  /** What its claim needs, for those whose turn comes soon. */
  content: Content | null = null;
  /** Whether it has a place in memory. False: it is claimed, written down or taken back; or it never had one. */
  isReady = false;

  constructor(key: number, nprio: number, seq: number, bytes: number, lane: LaneEntry) {
    this.task_key = key;
    this.nprio = nprio;
    this.seq = seq;
    this.bytes = bytes;
    this.lane = lane;
  }

  get delivery(): number {
    return 0;
  }

  get attempt(): number {
    return 0;
  }

  get lost(): number {
    return 0;
  }

  get has_checkpoint(): number {
    return 0;
  }

  get expires_at(): number | null {
    return null;
  }
}

/**
 * What the claim of a waiting task needs, as small as it can be: there are many, and each is copied by the collector.
 */
export interface Content {
  readonly id: string;
  readonly terms: TaskTerms;
  /** The bytes that have the payload from `offset` on, or are the payload. */
  readonly slab: Uint8Array;
  readonly offset: number;
}

/** What a producer sent: the payload may be a view of a whole received frame. */
export type Sent = Pick<ClaimableTask, 'id' | 'payload'>;

const SLAB_BYTES = 8 << 10;
/** Bytes of a payload that goes into a slab; a larger one has its own memory. */
const MAX_PACKED_BYTES = SLAB_BYTES / 8;

/**
 * Copies payloads of tasks that leave one after the other into slabs. One task that stays holds its whole slab, so
 * that only neighbours share one.
 */
export class Slabs {
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  keep({ id, payload }: Sent, terms: TaskTerms): Content {
    const { byteLength } = payload;
    if (byteLength > MAX_PACKED_BYTES) return { id, terms, slab: new Uint8Array(payload), offset: 0 };
    const offset = this.#reserve(byteLength);
    this.#slab.set(payload, offset);
    return { id, terms, slab: this.#slab, offset };
  }

  /** The first slabs are small: most lanes have few tasks. */
  #reserve(byteLength: number): number {
    if (this.#used + byteLength > this.#slab.byteLength) {
      const size = Math.min(SLAB_BYTES, 4 * this.#slab.byteLength);
      this.#slab = new Uint8Array(Math.max(byteLength, size));
      this.#used = 0;
    }
    this.#used += byteLength;
    return this.#used - byteLength;
  }
}

export function openContent({ task_key: key, seq, bytes }: ReadyRow, content: Content): ClaimableTask {
  const { id, terms, slab, offset } = content;
  const payload = slab.byteLength === bytes ? slab : slab.subarray(offset, offset + bytes);
  return { key, id, terms, parentId: null, seq, payload };
}
