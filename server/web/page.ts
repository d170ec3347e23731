import { create } from '@bufbuild/protobuf';
import type { Json } from '../../json/plain.ts';
import { type Streaming, tellStart } from './events.ts';
import { whole } from './fields.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
/** Bytes of a page, about; a larger single item goes alone. */
const PAGE_BYTES = 1 << 20;

/** Answers a stream that ends with its first items, and with the cursor to go on from. */
export async function answerPage({ exchange, route, headers, ask }: Streaming, given: object): Promise<void> {
  const { limit = DEFAULT_PAGE, from } = given as { limit?: number; from?: string };
  const { page } = route;
  const items: string[] = [];
  let bytes = 0;
  let cursor = '';
  let gap = 0;
  let isCut = false;
  const start = from === undefined ? tellStart('oldest') : {};
  reading: for await (const message of ask({ ...start, follow: false })) {
    const told = page!.items(create(route.method.output, message));
    gap += told.gap;
    for (const [place, item] of told.items) {
      const text = JSON.stringify(item);
      isCut = items.length >= limit || (items.length > 0 && bytes + text.length > PAGE_BYTES);
      if (isCut) break reading;
      items.push(text);
      bytes += text.length;
      cursor = place;
    }
    cursor = told.cursor;
  }
  const rest: Json = { cursor, more: isCut, ...(gap > 0 && { gap }) };
  const body = `{"${page!.name}":[${items.join(',')}],${JSON.stringify(rest).slice(1)}\n`;
  exchange.send(200, headers, body);
}

answerPage.fields = {
  limit: whole(`At most so many, up to ${MAX_PAGE}; default ${DEFAULT_PAGE}.`, { min: 1, max: MAX_PAGE }),
};
