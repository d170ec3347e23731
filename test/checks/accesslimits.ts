import type { ConstantRow } from './limits.ts';

/** Of identity and rights. */
export const ACCESS_CONSTANTS: readonly ConstantRow[] = [
  ["patterns of each list of a credential's rights", 'server/model/access.ts', 'MAX_PATTERNS', 'MAX_PATTERN_LENGTH'],
  ['credentials that are stored', 'server/store/sqlite/credentials.ts', 'MAX_CREDENTIALS', 'FORGET_EVERY'],
];

/** Constants of identity and rights that are named like bounds and have no row, and why. */
export const ACCESS_REASONS: Readonly<Record<string, string>> = {
  'server/store/sqlite/credentials.ts MAX_ROWS': 'rows of a page of the store',
  'server/store/sqlite/credentials.ts MAX_REPLACED': 'longer than any chain whose overlaps are not over',
};
