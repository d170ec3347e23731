import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { examplesOf, readExports } from './docstrings.ts';

// The programs of `@example` in the comments of what the package exports, as one module that can be compiled and run.

/** Where programs find the SDK, and the part of it that is for tests. */
export const ENTRIES = ['client/index.ts', 'testing/index.ts'] as const;

export interface SdkExample {
  /** `createWorker`, `Producer.call`; the second one of `defineTask` is `defineTask 2`. */
  readonly name: string;
  readonly code: string;
}

/** What examples take from elsewhere, a line each. */
const OTHERS = [
  "import assert from 'node:assert/strict';",
  "import { createWriteStream } from 'node:fs';",
  "import { pipeline } from 'node:stream/promises';",
  "import { createFileRegistry } from '@bufbuild/protobuf';",
  "import { z } from 'zod';",
  '/** What they print is for their readers. */',
  'const console = { log: (..._said: unknown[]): void => undefined };',
];

/** The address that stands in examples, in place of which they are told that of a server. */
const ADDRESS = /'127\.0\.0\.1:50051'/g;

export function readExamples(): readonly SdkExample[] {
  return ENTRIES.flatMap((entry) => readExports(entry)).flatMap((one) =>
    examplesOf(one).map((code, at) => ({ name: at === 0 ? one.name : `${one.name} ${at + 1}`, code })),
  );
}

/** A module whose `EXAMPLES` has each example as a function of the fixtures. */
export function renderExamples(examples: readonly SdkExample[], fixtureNames: readonly string[]): string {
  const at = (path: string): string => JSON.stringify(join(ROOT, path));
  const functions = examples.map(({ name, code }) => {
    const body = code.replaceAll(ADDRESS, 'server');
    return `  ${JSON.stringify(name)}: async ({ ${fixtureNames.join(', ')} }) => {\n{\n${body}\n}\n  },\n`;
  });
  return [
    ...OTHERS,
    ...ENTRIES.map((entry) => importOf(entry, at(entry))),
    `import { Greeter } from ${at('examples/reverse/gen/helloworld_pb.ts')};`,
    `import { RouteGuide } from ${at('examples/reverse/gen/route_guide_pb.ts')};`,
    `import type { Fixtures } from ${at('test/scene/examplefixtures.ts')};`,
    `export const EXAMPLES: Readonly<Record<string, (fixtures: Fixtures) => Promise<void>>> = {\n${functions.join('')}};\n`,
  ].join('\n');
}

/** All that an entry exports, types as types. */
function importOf(entry: string, path: string): string {
  const text = readFileSync(join(ROOT, entry), 'utf8');
  const names = [...text.matchAll(/^export (type )?\{([^}]*)\} from /gms)].flatMap(([, ofAll, list]) =>
    list!
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .map((one) => (ofAll && !one.startsWith('type ') ? `type ${one}` : one)),
  );
  return `import { ${names.join(', ')} } from ${path};`;
}
