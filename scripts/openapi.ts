import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { type Fields, type Schema, schemaOf } from '../server/web/fields.ts';
import { answerPage } from '../server/web/page.ts';
import type { Route } from '../server/web/route.ts';
import { ROUTES } from '../server/web/routes.ts';
import { ROWS } from './json/rows.ts';
import { server } from './json/server.ts';
import { ROOT } from './tool.ts';

// Writes server/web/openapi.json from the routes that HTTP is answered by and the types of docs/json.md. With --check nothing is
// written: exit code 1 if stale.

/** What a name in braces of a path is. */
const PARAMS: ReadonlyMap<string, string> = new Map([
  ['queue', 'The name of the queue.'],
  ['id', 'The id of the task: UUIDv7 in lower case.'],
  ['client', 'The id of the client.'],
  ['credential', 'The id of the credential.'],
]);

const TYPES: ReadonlyMap<string, z.ZodType> = new Map(
  [...Object.values(ROWS).flat(), server].map((type) => [String(type.meta()?.title), type]),
);

const ERROR: Schema = {
  type: 'object',
  description: 'Why a request was refused.',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      description: 'What went wrong.',
      required: ['code', 'message', 'advice'],
      properties: {
        code: { type: 'string', description: 'The name of gRPC.' },
        message: { type: 'string', description: 'In words, without `field`.' },
        field: { type: 'string', description: 'What of the request is wrong, as it was called there.' },
        index: { type: 'integer', description: 'Which of several tasks, from 0.' },
        reason: { type: 'string', description: 'More than the code says.' },
        advice: { enum: ['now', 'backoff', 'never'], description: 'Whether the same request makes sense again.' },
        retryAfterMs: { type: 'integer', description: 'Milliseconds after which it does.' },
      },
    },
  },
};

type Named = Map<string, Schema>;

/** What JSON Schema has no word for, or OpenAPI. */
const DROPPED: ReadonlySet<string> = new Set(['$schema', '$defs', 'absent']);

/** Adds one of the types and those that it is made of, each once. */
function addType(name: string, schemas: Named): void {
  const type = TYPES.get(name);
  if (!type) throw new Error(`there is no type ${name} in scripts/json`);
  const schema = z.toJSONSchema(type, { io: 'output', reused: 'inline' });
  hoist(JSON.parse(JSON.stringify(schema, (key, value) => (DROPPED.has(key) ? undefined : value))), schemas);
}

/** The same schema, with a reference in the place of each type that has a name of its own. */
function hoist(schema: unknown, schemas: Named): unknown {
  if (Array.isArray(schema)) return schema.map((one) => hoist(one, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, hoist(value, schemas)]));
  const { title, description, properties, anyOf } = inner;
  // Any value of JSON.
  if (title === 'value') return { title, description };
  if (typeof title !== 'string' || (properties === undefined && anyOf === undefined)) return inner;
  if (!schemas.has(title)) schemas.set(title, inner);
  return { ...refer(title), description };
}

const refer = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const asJson = (schema: Schema): Schema => ({ 'application/json': { schema } });

function describeParameters(place: 'path' | 'query', fields: Fields): Schema[] {
  return Object.entries(fields).map(([name, { text, schema, isRequired = false }]) => ({
    name,
    in: place,
    description: text,
    required: place === 'path' || isRequired,
    schema: schema.type === 'object' ? { type: 'array', items: { type: 'string', pattern: '=' } } : schema,
  }));
}

function describeAnswer({ answers }: Route): Schema {
  if (typeof answers === 'string') return refer(answers);
  const { list, of, beside = {} } = answers;
  const { properties } = schemaOf(beside) as { properties: Schema };
  const items = { type: 'array', items: refer(of), description: `Each of them a ${of}.` };
  return {
    type: 'object',
    description: 'What was found or done.',
    required: [list],
    properties: { [list]: items, ...properties },
  };
}

function describeRoute(route: Route): Schema {
  const { method, summary, path, query = {}, body, page } = route;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const pathFields = Object.fromEntries(
    names.map((name) => [name, { text: PARAMS.get(name)!, schema: { type: 'string' } }]),
  );
  const isStream = method.methodKind === 'server_streaming';
  const status = /^\/v1\/(queues\/\{queue\}\/)?tasks$/.test(path) && route.verb === 'POST' ? '201' : '200';
  const events = { 'text/event-stream': { schema: { type: 'string', description: 'Server-sent events.' } } };
  const json = !isStream || page ? asJson(describeAnswer(route)) : {};
  return {
    operationId: `${method.localName}${names.length > 0 && status === '201' ? 'OfQueue' : ''}`,
    summary,
    description: `As ${method.parent.typeName}/${method.name} of the contract, for the same callers.`,
    parameters: [
      ...describeParameters('path', pathFields as unknown as Fields),
      ...describeParameters('query', { ...query, ...(page && answerPage.fields) }),
    ],
    ...(body && { requestBody: { required: true, content: asJson(schemaOf(body)) } }),
    responses: {
      [status]: { description: 'It was done.', content: { ...json, ...(isStream && events) } },
      default: { description: 'It was refused, or failed.', content: asJson(refer('Refusal')) },
    },
  };
}

/** The whole document. */
export function createDocument(): Schema {
  const byPath = Object.entries(Object.groupBy(ROUTES, ({ path }) => path));
  const paths = byPath.map(([path, routes = []]) => [
    path,
    Object.fromEntries(routes.map((route) => [route.verb.toLowerCase(), describeRoute(route)])),
  ]);
  const schemas: Named = new Map([['Refusal', ERROR]]);
  for (const { answers } of ROUTES) addType(typeof answers === 'string' ? answers : answers.of, schemas);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return {
    openapi: '3.1.0',
    info: {
      title: 'contact',
      version,
      description: 'A task server that can reach its clients: JSON over HTTP. docs/http.md says more.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The addresses of gRPC.' }],
    security: [{ token: [] }, {}],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token of contact, or a JWT.' } },
      schemas: Object.fromEntries([...schemas].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    },
  };
}

if (import.meta.main) {
  const path = join(ROOT, 'server', 'web', 'openapi.json');
  const text = `${JSON.stringify(createDocument(), null, 2)}\n`;
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('server/web/openapi.json: differs from the routes and from scripts/json\nrun: npm run generate');
    process.exitCode = 1;
  }
}
