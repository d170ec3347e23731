import stringWidth from 'string-width';

const PLAIN = /^[\x20-\x7e]*$/;
const characters = new Intl.Segmenter();

/** How many columns of a terminal a text takes, which holds nothing that a terminal obeys. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/** As much of a text as so many columns hold, a `…` at the end where something was cut; never part of a character. */
export function fitWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let fitting = '';
  let width = 1;
  for (const { segment } of characters.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    fitting += segment;
  }
  return columns < 1 ? '' : `${fitting}…`;
}
