import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

// What the sources say of what is exported, read from their text: a doc comment stands right before the line that begins a
// declaration, at the left margin, or a member of an interface or a class, two blanks from it.

/** Something that a program which uses the SDK can hover. */
export interface Documented {
  /** `createWorker`, `Worker.drain`. */
  readonly name: string;
  /** `client/worker.ts` */
  readonly file: string;
  readonly kind: 'function' | 'interface' | 'type' | 'class' | 'const' | 'method' | 'field';
  /** It may be left out. */
  readonly isOptional: boolean;
  /** The text of its comment without the signs around it; empty: it has none. */
  readonly text: string;
}

const DECLARATION = /^export (?:declare )?(?:abstract )?(?:async )?(function|interface|type|class|const) (\w+)/;
const MEMBER = /^ {2}(?:readonly |static |get |async )*(\[Symbol\.\w+\]|[\w$]+)(\??)([<(:])/;

/** Everything that an entry of the package exports and that is written in this repository, with the members of interfaces. */
export function readExports(entry: string): readonly Documented[] {
  const text = readFileSync(join(ROOT, entry), 'utf8');
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';$/gms)].flatMap(([, names, path]) => {
    const file = join(dirname(entry), path!);
    if (file.startsWith('gen/')) return [];
    const wanted = names!.split(',').map((one) => one.trim().replace(/^type /, ''));
    return readDocumented(file).filter(({ name }) => wanted.includes(name.split('.')[0]!));
  });
}

/** What a file exports, in its order. */
export function readDocumented(file: string): readonly Documented[] {
  const found: Documented[] = [];
  let comment: string[] | undefined;
  let owner: string | undefined;
  for (const line of readFileSync(join(ROOT, file), 'utf8').split('\n')) {
    const opening = /^(| {2})\/\*\*/.test(line);
    if (opening) comment = [line];
    else if (comment && !comment.at(-1)!.includes('*/')) comment.push(line);
    else {
      const [, kind, name] = DECLARATION.exec(line) ?? [];
      const [, member, mark, sign] = (owner !== undefined && MEMBER.exec(line)) || [];
      // Of overloads the first has the comment.
      if (name && !found.some((one) => one.name === name)) {
        found.push({ name, file, kind: kind as Documented['kind'], isOptional: false, text: readText(comment) });
      } else if (member && member !== 'constructor' && !found.some((one) => one.name === `${owner}.${member}`)) {
        const isMethod = sign !== ':' || /=> \S+;$/.test(line);
        found.push({
          name: `${owner}.${member}`,
          file,
          kind: isMethod ? 'method' : 'field',
          isOptional: mark === '?',
          text: readText(comment),
        });
      }
      if (name) owner = kind === 'interface' || kind === 'class' ? name : undefined;
      if (line === '}') owner = undefined;
      if (line.trim() !== '') comment = undefined;
    }
  }
  return found;
}

function readText(comment: readonly string[] | undefined): string {
  return (comment ?? [])
    .map((line) =>
      line
        .replace(/^\s*\/\*\*\s?/, '')
        .replace(/\s*\*\/$/, '')
        .replace(/^\s*\* ?/, ''),
    )
    .join('\n')
    .trim();
}

/** The programs of a comment, one for each `@example`. */
export function examplesOf({ text }: Documented): readonly string[] {
  return text
    .split(/^@(?=\w)/m)
    .filter((block) => block.startsWith('example'))
    .map((block) => block.slice('example'.length).trim());
}
