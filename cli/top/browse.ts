import { CLIENT_COLUMNS, QUEUE_COLUMNS } from './columns.ts';
import type { Key } from './keys.ts';

/** The two tables of the screen. */
export type Kind = 'queue' | 'client';

/** How one table is looked at. */
export interface Look {
  /** A name of SORTS; undefined: the busiest first. */
  readonly sort: string | undefined;
  readonly isReversed: boolean;
  /** Rows that have this text, in upper or lower case; empty: all. */
  readonly filter: string;
  /** The row that is marked, by its name, wherever it goes; null: none. */
  readonly at: string | null;
  /** Rows above the first one that is shown. */
  readonly offset: number;
}

/** What somebody at the screen has asked for. A table has the keys; changed by `pressKey` alone. */
export interface Browse {
  readonly focus: Kind;
  readonly looks: Readonly<Record<Kind, Look>>;
  /** The filter of the table is being typed. */
  readonly isTyping: boolean;
  /** Only what this queue or client has to do with; null: everything. */
  readonly only: { readonly kind: Kind; readonly name: string } | null;
  readonly isHelp: boolean;
}

/** The rows of a table as they stand, and how many the screen shows. */
export interface Shown {
  readonly names: readonly string[];
  readonly height: number;
}

/** Longer than what anybody looks for. */
const MAX_FILTER = 128;

const SORTS_BY_KIND: Readonly<Record<Kind, readonly (string | undefined)[]>> = {
  queue: [undefined, 'name', ...QUEUE_COLUMNS.flatMap(({ sort }) => (sort ? [sort[0]] : []))],
  client: [undefined, 'name', ...CLIENT_COLUMNS.flatMap(({ sort }) => (sort ? [sort[0]] : []))],
};

/** @param sort a name of SORTS, which the table that has it is sorted by; default: the busiest first */
export function createBrowse(sort?: string, filter = ''): Browse {
  const look = (kind: Kind): Look => ({
    sort: SORTS_BY_KIND[kind].includes(sort) ? sort : undefined,
    isReversed: false,
    filter,
    at: null,
    offset: 0,
  });
  return {
    focus: 'queue',
    looks: { queue: look('queue'), client: look('client') },
    isTyping: false,
    only: null,
    isHelp: false,
  };
}

/** What a key makes of it; `shown` are the rows of the table that has the keys. */
export function pressKey(browse: Browse, key: Key, shown: Shown): Browse {
  if (browse.isTyping) return typeFilter(browse, key);
  if (browse.isHelp) return { ...browse, isHelp: false };
  const look = browse.looks[browse.focus];
  switch (key) {
    case 'up':
    case 'k':
      return move(browse, shown, -1);
    case 'down':
    case 'j':
      return move(browse, shown, 1);
    case 'pageup':
      return move(browse, shown, -shown.height);
    case 'pagedown':
    case ' ':
      return move(browse, shown, shown.height);
    case 'home':
    case 'g':
      return move(browse, shown, Number.NEGATIVE_INFINITY);
    case 'end':
    case 'G':
      return move(browse, shown, Number.POSITIVE_INFINITY);
    case 'tab':
      return { ...browse, focus: browse.focus === 'queue' ? 'client' : 'queue' };
    case 's':
    case 'S':
      return change(browse, { sort: nextSort(browse.focus, look.sort, key === 's' ? 1 : -1), isReversed: false });
    case 'r':
      return change(browse, { isReversed: !look.isReversed });
    case '/':
      return { ...browse, isTyping: true };
    case '?':
    case 'h':
      return { ...browse, isHelp: true };
    case 'enter':
      return look.at !== null && shown.names.includes(look.at)
        ? { ...browse, only: { kind: browse.focus, name: look.at } }
        : browse;
    case 'escape':
      return goBack(browse);
    default:
      return browse;
  }
}

/** Where the first row has to be for the marked one to be seen, moved no further than that. */
export function scrollTo({ at, offset }: Pick<Look, 'at' | 'offset'>, { names, height }: Shown): number {
  const place = at === null ? -1 : names.indexOf(at);
  const seen = place < 0 ? offset : Math.min(Math.max(offset, place - height + 1), place);
  return Math.max(0, Math.min(seen, names.length - height));
}

function typeFilter(browse: Browse, key: Key): Browse {
  const { filter } = browse.looks[browse.focus];
  if (key === 'enter') return { ...browse, isTyping: false };
  if (key === 'escape') return { ...change(browse, { filter: '' }), isTyping: false };
  if (key === 'backspace') return change(browse, { filter: [...filter].slice(0, -1).join('') });
  if ([...key].length !== 1 || filter.length >= MAX_FILTER) return browse;
  return change(browse, { filter: filter + key });
}

/** Takes back one thing after the other: what everything is narrowed to, the filter, the mark. */
function goBack(browse: Browse): Browse {
  if (browse.only) return { ...browse, only: null };
  if (browse.looks[browse.focus].filter !== '') return change(browse, { filter: '' });
  return change(browse, { at: null, offset: 0 });
}

function move(browse: Browse, { names }: Shown, by: number): Browse {
  const { at, offset } = browse.looks[browse.focus];
  const place = at === null ? -1 : names.indexOf(at);
  // Without a mark the first step marks the first row that is seen.
  const next = place < 0 ? offset + by - Math.sign(by) : place + by;
  return change(browse, { at: names[Math.max(0, Math.min(next, names.length - 1))] ?? null });
}

function nextSort(kind: Kind, sort: string | undefined, by: number): string | undefined {
  const sorts = SORTS_BY_KIND[kind];
  return sorts[(sorts.indexOf(sort) + by + sorts.length) % sorts.length];
}

function change(browse: Browse, part: Partial<Look>): Browse {
  const { focus, looks } = browse;
  return { ...browse, looks: { ...looks, [focus]: { ...looks[focus], ...part } } };
}
