import { signal } from '@preact/signals';
import { linkTo, type Params } from './link.ts';

// Where the page is, in the part of its address that is not sent: `#/queues/mails?state=failed`. An address may be kept and
// given to others; the server needs to know nothing of it.

export interface Route {
  /** `['queues', 'mails']`; of the first screen: none. */
  readonly parts: readonly string[];
  readonly params: URLSearchParams;
}

export const route = signal<Route>(readRoute());

window.addEventListener('hashchange', () => {
  const before = route.value.parts.join('/');
  route.value = readRoute();
  if (route.value.parts.join('/') === before) return;
  window.scrollTo(0, 0);
  // Who hears the page is told of the new screen, who uses the keyboard begins there.
  // Who has gone on elsewhere by the time that it is drawn, as into the search, keeps the focus there.
  const focused = document.activeElement;
  requestAnimationFrame(() => {
    const now = document.activeElement;
    if (now === focused || now === document.body) document.getElementById('main')?.focus({ preventScroll: true });
  });
});

function readRoute(): Route {
  const [path = '', query = ''] = window.location.hash.replace(/^#\/?/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decode), params: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function goTo(parts: readonly string[], params: Params = {}): void {
  window.location.hash = linkTo(parts, params);
}

/** Changes conditions of the screen in the address, without a new entry in the history. */
export function changeParams(params: Params): void {
  const { parts } = route.value;
  window.history.replaceState(null, '', linkTo(parts, params));
  route.value = readRoute();
}
