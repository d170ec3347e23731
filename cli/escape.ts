import { stripVTControlCharacters } from 'node:util';

/**
 * C0, DEL and C1 controls, line separators, what turns the direction of writing, what has no width (tag characters,
 * fillers and lone surrogates too): they could fake other text, or hide it. The joiner of emoji stays between two.
 */
const UNSAFE = new RegExp(
  [
    String.raw`(?<!\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d`,
    String.raw`\u200d(?!\p{Extended_Pictographic})`,
    String.raw`(?!\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f]`,
    String.raw`[\u2800\u3164\uffa0\u{e0000}-\u{e0fff}]`,
  ].join('|'),
  'gu',
);
const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return (
    SHORT.get(character) ??
    (code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : code < 0x1_0000
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : `\\u{${code.toString(16)}}`)
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

/** JSON on a terminal: what is unsafe is written as JSON escapes, so that it means the same to whoever parses it. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, at) => escapeUnit(character, at)).join(''),
  );
}

function escapeUnit(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
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
