/**
 * The module specifiers that a TypeScript source names: `import … from`, `export … from`, `import '…'`, `import('…')`
 * and `import('…').Type`. Reads tokens, so that a comment or a string that looks like an import is none.
 */
export function readImports(source: string): string[] {
  const tokens = readTokens(source);
  const found: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const word = tokens[at];
    if (word?.kind !== 'word' || (word.text !== 'import' && word.text !== 'export')) continue;
    if (tokens[at - 1]?.text === '.') continue;
    const specifier = word.text === 'import' ? readImport(tokens, at + 1) : readExport(tokens, at + 1);
    if (specifier !== undefined) found.push(specifier);
  }
  return found;
}

interface Token {
  readonly kind: 'word' | 'string' | 'mark';
  readonly text: string;
}

// A comment, a string, a template without nested back-ticks, a word or number, a regular expression (only where a
// value may begin), or one mark.
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|[\w$]+|\S/g;
const REGULAR_EXPRESSION = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;

function readTokens(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match; match = TOKEN.exec(source)) {
    const text = match[0];
    if (text.startsWith('//') || text.startsWith('/*')) continue;
    if (text === '/' && mayStartValue(tokens.at(-1))) {
      REGULAR_EXPRESSION.lastIndex = match.index;
      if (REGULAR_EXPRESSION.test(source)) TOKEN.lastIndex = REGULAR_EXPRESSION.lastIndex;
      continue;
    }
    const isString = text.length > 1 && (text[0] === "'" || text[0] === '"' || text[0] === '`');
    if (isString) tokens.push({ kind: 'string', text: text.slice(1, -1) });
    else tokens.push({ kind: /[\w$]/.test(text) ? 'word' : 'mark', text });
  }
  return tokens;
}

function mayStartValue(before: Token | undefined): boolean {
  if (!before) return true;
  if (before.kind === 'mark') return !')]}'.includes(before.text);
  return before.kind === 'word' && ['return', 'typeof', 'case', 'in', 'of'].includes(before.text);
}

function readImport(tokens: readonly Token[], start: number): string | undefined {
  const first = tokens[start];
  if (first?.kind === 'string') return first.text;
  if (first?.text === '(') return tokens[start + 1]?.kind === 'string' ? tokens[start + 1]?.text : undefined;
  return readFrom(tokens, start);
}

function readExport(tokens: readonly Token[], start: number): string | undefined {
  const first = tokens[start]?.text === 'type' ? tokens[start + 1]?.text : tokens[start]?.text;
  return first === '{' || first === '*' ? readFrom(tokens, start) : undefined;
}

/** The string after `from`; names, commas, braces and `*` may stand before it. */
function readFrom(tokens: readonly Token[], start: number): string | undefined {
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.text === 'from' && tokens[at + 1]?.kind === 'string') return tokens[at + 1]?.text;
    if (token?.kind === 'string' || (token?.kind === 'mark' && !'{},*'.includes(token.text))) return undefined;
  }
  return undefined;
}
