/** A JSON value that stands by itself, as it was written. */
export interface JsonText {
  readonly text: string;
  /** The line that it begins in, from 1. */
  readonly line: number;
}

/** Finds JSON values that follow each other, with or without white space and line breaks in and between them. */
export interface JsonSplitter {
  /** The values that became whole. Throws a RangeError when one is longer than the limit. */
  add(text: string): JsonText[];
  /** What is left at the end, whole or not; undefined: nothing. */
  end(): JsonText | undefined;
}

const SPACE = ' \t\r\n';
const CLOSING: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['[', ']'],
]);

/**
 * A splitter with nothing in it. It only looks for the ends of values: what is no JSON comes out as it is, for the parser to
 * say what is wrong. An object is whole with its last brace, so that it can be sent before its line ends.
 */
export function createJsonSplitter(maxLength: number): JsonSplitter {
  let parts: string[] = [];
  let length = 0;
  let line = 1;
  let beginLine = 1;
  let open: string[] = [];
  let isInString = false;
  let isEscaped = false;
  /** A number, a word or what is no JSON: it ends before white space or the next value. */
  let isBare = false;

  function take(): JsonText {
    const value = { text: parts.join(''), line: beginLine };
    parts = [];
    length = 0;
    open = [];
    isBare = false;
    return value;
  }

  /** Whether this character is the last of a value. */
  function endsWith(character: string): boolean {
    if (isInString) {
      if (isEscaped) isEscaped = false;
      else if (character === '\\') isEscaped = true;
      else if (character === '"') isInString = false;
      return !isInString && open.length === 0;
    }
    if (character === '"') isInString = true;
    else if (CLOSING.has(character)) open.push(CLOSING.get(character)!);
    else if (character === '}' || character === ']') return open.pop() !== character || open.length === 0;
    else if (open.length === 0) isBare = true;
    return false;
  }

  return {
    add(text) {
      const values: JsonText[] = [];
      let start = 0;
      const keep = (stop: number): void => {
        if (stop > start) parts.push(text.slice(start, stop));
        length += stop - start;
        start = stop;
        if (length > maxLength) throw new RangeError(`a value is longer than ${maxLength} characters`);
      };
      for (let at = 0; at < text.length; at++) {
        const character = text[at]!;
        const isBetween = !isInString && open.length === 0 && (SPACE.includes(character) || CLOSING.has(character));
        if (isBare && (isBetween || character === '"')) {
          keep(at);
          values.push(take());
        }
        const isEmpty = length === 0 && start === at;
        if (isEmpty && SPACE.includes(character)) start = at + 1;
        else {
          if (isEmpty) beginLine = line;
          if (endsWith(character)) {
            keep(at + 1);
            values.push(take());
          }
        }
        if (character === '\n') line += 1;
      }
      keep(text.length);
      return values;
    },
    end: () => (length === 0 ? undefined : take()),
  };
}
