import { signal } from '@preact/signals';
import type { RequestError } from '../request.ts';

/** What an act has come to, for some seconds. */
const told = signal<{ readonly text: string; readonly isBad: boolean } | undefined>(undefined);
const SHOWN_MS = 6_000;
let timer: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string, isBad = false): void {
  told.value = { text, isBad };
  clearTimeout(timer);
  timer = setTimeout(() => {
    told.value = undefined;
  }, SHOWN_MS);
}

/** Does something that may be refused, and tells what came of it. */
export async function tellOf(act: Promise<unknown>, text: string): Promise<boolean> {
  try {
    await act;
    tell(text);
    return true;
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error), true);
    return false;
  }
}

/** Where that is told; it is there always, so that who hears the page is told of what comes. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {told.value && <p class={told.value.isBad ? 'bad' : ''}>{told.value.text}</p>}
    </div>
  );
}

/** Why something could not be read. */
export function Trouble({ error }: { readonly error: RequestError | undefined }) {
  if (error === undefined) return null;
  return (
    <p class="trouble" role="alert">
      <strong>{error.message}</strong>
    </p>
  );
}
