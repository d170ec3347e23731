import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminService, ContactService, TaskService } from '../../gen/index.ts';
import { renderIndex } from '../../scripts/generate.ts';
import { compareTrees, readTree, writeTree } from '../../scripts/tree.ts';
import { createFolder } from '../scene/folder.ts';

describe('writeTree()', () => {
  let root: string;

  beforeEach(() => {
    root = createFolder();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('leaves files alone that are as wanted', () => {
    const wanted = new Map([
      ['a/same.ts', 'same'],
      ['changed.ts', 'new'],
    ]);
    writeTree(root, wanted);
    writeFileSync(join(root, 'changed.ts'), 'old');
    writeFileSync(join(root, 'stale.ts'), '');
    const before = statSync(join(root, 'a', 'same.ts'), { bigint: true }).mtimeNs;
    writeTree(root, wanted);
    assert.equal(statSync(join(root, 'a', 'same.ts'), { bigint: true }).mtimeNs, before);
    assert.equal(readFileSync(join(root, 'changed.ts'), 'utf8'), 'new');
    assert.deepEqual([...readTree(root)], [...wanted]);
  });
});

describe('compareTrees()', () => {
  it('names each file that differs', () => {
    const wanted = new Map([
      ['a.ts', '1'],
      ['b.ts', '2'],
    ]);
    const found = new Map([
      ['a.ts', '3'],
      ['c.ts', '4'],
    ]);
    assert.deepEqual(compareTrees(wanted, found), ['b.ts: missing', 'c.ts: nothing generates it', 'a.ts: differs']);
    assert.deepEqual(compareTrees(wanted, wanted), []);
  });
});

describe('renderIndex()', () => {
  it('keeps the classic messages apart from those of v1', () => {
    const index = renderIndex(['contact/v1/task_pb.ts', 'contact_pb.ts', 'grpc/health/v1/health_pb.ts']);
    assert.deepEqual(index.split('\n').slice(1, -1), [
      `export * from './contact/v1/task_pb.ts';`,
      `export * as classic from './contact_pb.ts';`,
      `export * as health from './grpc/health/v1/health_pb.ts';`,
    ]);
  });

  it('keeps two versions of a protocol apart', () => {
    const index = renderIndex(['grpc/reflection/v1/reflection_pb.ts', 'grpc/reflection/v1alpha/reflection_pb.ts']);
    assert.deepEqual(index.split('\n').slice(1, -1), [
      `export * as reflection from './grpc/reflection/v1/reflection_pb.ts';`,
      `export * as reflectionV1alpha from './grpc/reflection/v1alpha/reflection_pb.ts';`,
    ]);
  });
});

describe('contact.v1', () => {
  it('names its package for Go, C# and Java, where nothing good follows from its own name', () => {
    for (const { file } of [ContactService, TaskService, AdminService]) {
      for (const { options } of [file, ...file.dependencies].map(({ proto }) => proto)) {
        if (options?.goPackage.startsWith('google.golang.org/')) continue;
        assert.equal(options?.goPackage, 'contact/v1;contactv1');
        assert.equal(options.csharpNamespace, 'Contact.V1');
        assert.equal(options.javaPackage, 'contact.v1');
        assert.equal(options.javaMultipleFiles, true);
      }
    }
  });
});
