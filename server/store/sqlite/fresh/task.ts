import type { LaneEntry } from '../rows/catalog.ts';
import type { ReadyRow } from '../rows/claimrows.ts';
import type { KeptTask } from './payloads.ts';

/** Ready since its insert; its place in the order is the one that it was inserted with. Nothing has happened to it. */
export class FreshTask implements ReadyRow {
  readonly task_key: number;
  readonly nprio: number;
  readonly seq: number;
  /** Of the payload. */
  readonly bytes: number;
  readonly lane: LaneEntry;
  /** What its claim needs, for those whose turn comes soon. */
  kept: KeptTask | null = null;
  /** It has a place in memory. False: it is claimed, written down or taken back; or it never had one. */
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
