/** Constants of one file that a row is about; the row is named by its beginning. */
export type ConstantRow = readonly [row: string, file: string, ...names: string[]];
/** One limit of docs/limits.md. */
export interface LimitRow {
  readonly what: string;
  readonly value: string;
  /** What reaching it answers. */
  readonly answer: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

export function readRows(text: string): LimitRow[] {
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| what |'))
    .map((line) => line.slice(1, -1).split(/ \| |^ | $/));
  return cells.map((row) => {
    const [what = '', value = '', answer = '', test = ''] = row.filter((cell) => cell !== '');
    const tests = [...test.matchAll(/`([^`]+\.ts)`: (.+?)(?=; `|$)/g)];
    return { what, value, answer, tests: tests.map(([, file, title]) => ({ file: file!, title: title!.trim() })) };
  });
}

/** Comments in lines of their own, and tests that are never run. */
const UNTRIED = /^\s*(\/\/|\/?\*).*$|\b(it|describe)\.skip\((['"`]).*?\3/gm;

/** The texts of a test's source as they are quoted there, without those of comments and of tests that are skipped. */
export function readLiterals(source: string): readonly { readonly quote: string; readonly words: string }[] {
  return [...source.replaceAll(UNTRIED, '').matchAll(/(['"`])((?:\\.|(?!\1)[^\\\n])*)\1/g)].map(([, quote, words]) => ({
    quote: quote!,
    words: words!.replaceAll(/\\(['"`])/g, '$1'),
  }));
}

/** Whether a test file has this title: as it is written, as a template makes it, or as a word of a table of cases. */
export function isTitleIn(title: string, source: string): boolean {
  const literals = readLiterals(source);
  if (literals.some(({ words }) => words === title)) return true;
  return literals.some(({ quote, words }) => {
    if (quote !== '`' || !words.includes('${')) return false;
    const parts = words.split(/\$\{[^}]*\}/);
    if (parts.join('').trim() === '') return false;
    const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.+');
    return new RegExp(`^${pattern}$`).test(title);
  });
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1_000,
  KiB: 1 << 10,
  'KiB/s': 1 << 10,
  MiB: 1 << 20,
};

/** The numbers of a cell, in bytes, milliseconds or pieces: `1,024 characters, 4 KiB` are 1,024 and 4,096. */
export function readQuantities(cell: string): number[] {
  return [...cell.matchAll(/(?<![\w.^])(-?\d[\d,]*)(?: (ms|s|KiB\/s|KiB|MiB)\b)?/g)].map(
    ([, digits, unit = '']) => Number(digits!.replaceAll(',', '')) * UNITS[unit]!,
  );
}

/** Options whose row has another default than the code. */
export function findProblems(rows: readonly LimitRow[], defaults: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(defaults).flatMap(([name, value]) => {
    const row = rows.find(({ what }) => what.includes(`\`${name}\``));
    if (row && readQuantities(row.value).includes(Number(value))) return [];
    return [`${name} is ${value}, in the table ${row?.value ?? 'it is missing'}`];
  });
}

/** What a constant of a source file is: numbers, products and shifts of them. */
export function readConstant(name: string, source: string): number | undefined {
  const found = new RegExp(`^(?:export )?const ${name} = ([0-9_ *<]+);`, 'm').exec(source)?.[1];
  if (found === undefined) return undefined;
  const shift = found.replaceAll('_', '').split('<<').map(multiply);
  return shift.length === 1 ? shift[0] : shift[0]! * 2 ** shift[1]!;
}

function multiply(term: string): number {
  const powers = term.split(' * ').map((factor) => {
    const [base, exponent] = factor.split('**').map(Number);
    return exponent === undefined ? base! : base! ** exponent;
  });
  return powers.reduce((product, one) => product * one, 1);
}
