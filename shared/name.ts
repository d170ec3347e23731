import { hideSecrets, holdsCredential } from './redact.ts';

export const NAME_FORM = '[A-Za-z0-9._:/-], 1 to 128 characters';
/** How a credential is told of that stands in the place of something else. */
export const CREDENTIAL_SHOWN = 'the text of a credential, which is a secret';
const SHOWN_CHARACTERS = 80;

/** A text that is no name (`isName` of ids.ts), and what of it is not as it must be. */
export function showMisname(text: string): string {
  if (holdsCredential(text)) return CREDENTIAL_SHOWN;
  const shown = JSON.stringify(hideSecrets(text).slice(0, SHOWN_CHARACTERS));
  const odd = /[^A-Za-z0-9._:/-]/u.exec(text)?.[0];
  if (odd !== undefined) return `${shown} with ${JSON.stringify(odd)}`;
  return text === '' ? shown : `${shown} of ${text.length} characters`;
}
