import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { NOTICE, ROWS } from './json/rows.ts';
import { ROOT } from './tool.ts';

// Writes docs/json.md from the types that commands and tests are held to. With --check nothing is written: exit code 1 if stale.

const PAGE = `<!-- Made by scripts/jsonpage.ts from the types in scripts/json: run \`npm run generate\`. -->
# What --json prints

With \`--json\` a command prints objects to stdout, one a line (NDJSON), and objects to stderr too: [Notice](#notice). Nothing else
is printed to either, and people's help texts are not printed at all.

\`\`\`sh
contact tasks list --state failed --json | jq -r 'select(.error.code == "TIMEOUT") | .id'
\`\`\`

## The vocabulary

- A thing has one name everywhere: a queue is \`queue\`, a client \`client\`, a task \`id\` in an object that is about it and \`task\` in
  one about something else; lists of them are \`queues\`, \`clients\` and \`tasks\`. All names are camelCase.
- An instant is a text in ISO 8601, in UTC and with milliseconds: \`"2027-01-31T08:00:00.000Z"\`. Its name ends in \`At\`, but for
  \`at\`, \`since\`, \`until\` and \`now\`.
- A duration is a number of milliseconds, its name ends in \`Ms\`. A size is a number of bytes, its name ends in \`Bytes\` or is
  \`bytes\`. All numbers are JSON numbers.
- An error is an object with a \`code\` for programs and a \`message\` for people.
- States, kinds and levels are words in lower case, codes are in upper case.
- What there is not is left out: a field is never \`null\` or \`""\` to say so, and the tables tell what it means that it is not there.
  Lists and maps that a type has are there also when they are empty. So \`null\` is always a value: of a payload, or a result.
- A payload, a result and an answer of a call are the JSON value itself where the content type is JSON (numbers keep their
  digits), a text where the bytes are UTF-8, else \`{"base64": "…"}\`.

Later versions may add fields, types of lines and words: a program passes over what it does not know. Names and units stay.

## What each command prints

| command | a line of stdout is |
|---|---|
`;

type Meta = { readonly title?: string; readonly description?: string; readonly absent?: string };

function metaOf(type: z.ZodType): Meta {
  return (type.meta() ?? {}) as Meta;
}

/** The whole text of the page. */
export function renderJsonPage(): string {
  const rows = Object.entries(ROWS).map(
    ([command, types]) => `| \`contact ${command}\` | ${types.map(linkTo).join(' or ')} |\n`,
  );
  const types = [...new Set([...Object.values(ROWS).flat(), NOTICE].flatMap(listTypes))];
  const sorted = types.toSorted((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1));
  return `${PAGE}${rows.join('')}\n## The types\n${sorted.map(renderType).join('')}`;
}

/** A type and all that it is made of, each object once. */
function listTypes(type: z.ZodType): z.ZodType[] {
  const inner = unwrap(type);
  if (inner instanceof z.ZodObject)
    return [inner, ...Object.values(inner.shape).flatMap((one) => listTypes(one as z.ZodType))];
  if (inner instanceof z.ZodArray) return listTypes(inner.element as z.ZodType);
  return inner instanceof z.ZodRecord && metaOf(inner).title ? [inner] : [];
}

function unwrap(type: z.ZodType): z.ZodType {
  return type instanceof z.ZodOptional ? (type.unwrap() as z.ZodType) : type;
}

function titleOf(type: z.ZodType): string {
  return metaOf(type).title ?? '';
}

function linkTo(type: z.ZodType): string {
  return `[${titleOf(type)}](#${titleOf(type).toLowerCase()})`;
}

function renderType(type: z.ZodType): string {
  const heading = `\n### ${titleOf(type)}\n\n${metaOf(type).description}\n`;
  if (!(type instanceof z.ZodObject)) return heading;
  const lines = Object.entries(type.shape).map(([name, field]) => renderField(name, field as z.ZodType));
  return `${heading}\n| field | type | | absent |\n|---|---|---|---|\n${lines.join('')}`;
}

function renderField(name: string, field: z.ZodType): string {
  const { description = '', absent = '' } = metaOf(field);
  return `| \`${name}\` | ${nameType(unwrap(field))} | ${description} | ${absent} |\n`;
}

/** How a type is written in a table. */
function nameType(type: z.ZodType): string {
  if (type instanceof z.ZodObject) return linkTo(type);
  if (type instanceof z.ZodArray) return `list of ${nameType(type.element as z.ZodType)}`;
  if (type instanceof z.ZodEnum) return type.options.map((word) => `\`${word}\``).join(', ');
  if (type instanceof z.ZodLiteral) return `\`${String(type.value)}\``;
  if (type instanceof z.ZodRecord) return `map of ${nameType(type.valueType as z.ZodType)}`;
  if (type instanceof z.ZodISODateTime) return 'instant';
  if (type instanceof z.ZodString) return 'text';
  if (type instanceof z.ZodNumber) return type.isInt ? 'integer' : 'number';
  if (type instanceof z.ZodBoolean) return 'boolean';
  return 'any value';
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'json.md');
  const text = renderJsonPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/json.md: differs from the types in scripts/json\nrun: npm run generate');
    process.exitCode = 1;
  }
}
