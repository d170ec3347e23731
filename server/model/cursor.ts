import { ContactError, invalid } from '../../shared/errors.ts';
import { hideSecrets } from '../../shared/redact.ts';

/** A place in the results log: just after `position` (0: before the first) of the store that had `epoch`. */
export interface Cursor {
  readonly epoch: string;
  readonly position: number;
}

const FORM = /^([a-z0-9]{1,32})\.(0|[1-9][0-9]{0,15})$/;

export function formatCursor(epoch: string, position: number): string {
  return `${epoch}.${position}`;
}

/** INVALID_ARGUMENT for what is not a cursor, OUT_OF_RANGE for one of another epoch. */
export function parseCursor(text: string, epoch: string): Cursor {
  const match = FORM.exec(text);
  const position = Number(match?.[2]);
  if (!match || !Number.isSafeInteger(position)) {
    throw invalid(
      'cursor',
      `expected EPOCH.POSITION as an event gave it, got ${JSON.stringify(hideSecrets(text).slice(0, 64))}`,
    );
  }
  if (match[1] !== epoch) {
    throw new ContactError('OUT_OF_RANGE', 'it belongs to another epoch of the store (restored or failed over)', {
      field: 'cursor',
    });
  }
  return { epoch, position };
}
