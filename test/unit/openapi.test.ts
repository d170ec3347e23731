import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { createDocument } from '../../scripts/openapi.ts';
import { ROOT } from '../../scripts/tool.ts';
import { ROUTES } from '../../server/web/routes.ts';

/** Schemas of fields without a word about them, by where they are. */
function findUndescribed(schema: unknown, at: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties } = schema as { readonly properties?: Readonly<Record<string, { description?: string }>> };
  const own = Object.entries(properties ?? {}).flatMap(([name, one]) => (one.description ? [] : [`${at}.${name}`]));
  return [...own, ...Object.entries(schema).flatMap(([key, inner]) => findUndescribed(inner, `${at}/${key}`))];
}

describe('openapi.json', () => {
  const document = createDocument();

  it('is made of the routes and types that there are', () => {
    const text = readFileSync(join(ROOT, 'server', 'web', 'openapi.json'), 'utf8');
    assert.deepEqual(JSON.parse(text), document);
  });

  it('is OpenAPI 3.1, by a validator of others, which finds what is wrong', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.equal(valid, true, JSON.stringify(errors));
    const { paths: _, ...wrong } = structuredClone(document) as Record<string, unknown>;
    assert.equal((await new Validator().validate({ ...wrong, paths: { x: 1 } })).valid, false);
  });

  it('leads nowhere else, and has a route once', () => {
    const text = JSON.stringify(document);
    const { schemas } = document.components as { readonly schemas: object };
    const referred = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    assert.deepEqual(
      referred.filter((name) => !Object.hasOwn(schemas, name)),
      [],
    );
    const operations = Object.values(document.paths as Record<string, object>).flatMap((place) => Object.values(place));
    assert.equal(operations.length, ROUTES.length);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, ROUTES.length);
  });

  it('describes every field', () => {
    assert.deepEqual(findUndescribed(document, ''), []);
    const { paths } = document;
    const parameters = Object.values(
      paths as Record<string, Record<string, { parameters: { name: string; description?: string }[] }>>,
    )
      .flatMap((place) => Object.values(place))
      .flatMap((operation) => operation.parameters);
    assert.deepEqual(
      parameters.filter(({ description }) => !description),
      [],
    );
  });
});
