import { ChurnMap } from './churn.ts';
import { type Place, Waitline } from './waitline.ts';

/**
 * Entries of several sources, of which one gives way where there are too many: the oldest of the source that has most of them, so that
 * whoever has many gives way to itself first. An entry is there once, of one source. Each step takes the same time however many entries
 * there are, and looks at sources alone.
 */
export interface FairSet<T> {
  add(entry: T, source: string): void;
  /** Deletes an entry of this source; nothing happens where it is not there. */
  delete(entry: T, source: string): void;
  /**
   * Which one gives way; undefined: there is none.
   * @param spared a source whose entries stay
   */
  findLeast(spared?: string): T | undefined;
  readonly size: number;
}

/** The entries of one source. */
interface Crowd<T> {
  readonly line: Waitline<T>;
  readonly placeByEntry: ChurnMap<T, Place<T>>;
}

export function createFairSet<T>(): FairSet<T> {
  // A source without entries has none here either.
  const bySource = new ChurnMap<string, Crowd<T>>();
  let size = 0;

  return {
    add(entry, source) {
      const crowd = bySource.get(source) ?? { line: new Waitline<T>(), placeByEntry: new ChurnMap<T, Place<T>>() };
      const { line, placeByEntry } = crowd;
      if (placeByEntry.has(entry)) return;
      if (line.size === 0) bySource.set(source, crowd);
      placeByEntry.set(entry, line.add(entry));
      size += 1;
    },
    delete(entry, source) {
      const { line, placeByEntry } = bySource.get(source) ?? {};
      const place = placeByEntry?.get(entry);
      if (!place) return;
      line!.leave(place);
      placeByEntry!.delete(entry);
      size -= 1;
      if (line!.size === 0) bySource.delete(source);
    },
    findLeast(spared) {
      let most: Waitline<T> | undefined;
      for (const [source, { line }] of bySource) {
        if (source !== spared && line.size > (most?.size ?? 0)) most = line;
      }
      return most?.oldest;
    },
    get size() {
      return size;
    },
  };
}
