import { formatAge, formatAgo, formatInstant } from '../format.ts';
import { now } from '../session.ts';

/** An instant as `3 min ago`, with the whole of it where it is pointed at. */
export function Ago({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="none">–</span>;
  return (
    <time dateTime={at} title={formatInstant(at)}>
      {formatAgo(at, now.value)}
    </time>
  );
}

/** How old something is: `3 min`. */
export function Age({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="none">–</span>;
  return (
    <time dateTime={at} title={formatInstant(at)}>
      {formatAge(at, now.value)}
    </time>
  );
}
