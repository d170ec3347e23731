import * as check from './check.ts';

/** Which page of a listing. */
export interface PageOptions {
  /** How many items; 1 to 500, default 100. */
  readonly pageSize?: number;
  /** `nextPageToken` of the page before; default: the first page. */
  readonly pageToken?: string;
}

const MAX_PAGE_SIZE = 500;
export const PAGE_RULES = Object.freeze({ pageSize: check.integer(1, MAX_PAGE_SIZE), pageToken: check.text });

/** The items of every page of a listing, in pages as large as may be. */
export async function* readPages<A extends { readonly nextPageToken: string }, T, G extends object>(
  given: G | undefined,
  readPage: (page: G & PageOptions) => Promise<A>,
  itemsOf: (answer: A) => readonly T[],
): AsyncGenerator<T, void, undefined> {
  if (given !== undefined) check.checkValue('options', given, check.object);
  let pageToken = '';
  do {
    const answer = await readPage({ pageSize: MAX_PAGE_SIZE, ...(given as G), pageToken });
    yield* itemsOf(answer);
    pageToken = answer.nextPageToken;
  } while (pageToken !== '');
}
