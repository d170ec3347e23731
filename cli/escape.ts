import { stripVTControlCharacters } from 'node:util';

/** C0, DEL and C1 controls, line separators, and what turns the direction of writing: they could fake other text. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return (
    SHORT[character] ??
    (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
  );
}

/** One line for people: control characters are shown, never sent to the terminal. */
export function escapeLine(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Lines for people: as `escapeLine`, but line feeds and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escapeCharacter(character),
  );
}

/** At most `max` characters, the last one a `…` where something was cut; never half a surrogate pair. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 1;
  const isPairCut = /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return `${text.slice(0, isPairCut ? end - 1 : end)}…`;
}

/** Terminal sequences (colours, cursor moves, titles) and stray controls taken out of a program's output. */
export function stripControls(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n/g, '\n')
    .replace(UNSAFE, (character) => (character === '\n' || character === '\t' ? character : ''));
}
