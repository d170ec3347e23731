import assert from 'node:assert/strict';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, SourceCodeInfoSchema } from '@bufbuild/protobuf/wkt';
import { readDescriptorSet } from '../../client/descriptorset.ts';
import { describeServices } from '../../client/serve/descriptors.ts';
import { ReverseService } from '../../gen/index.ts';
import { Echo, file_echo } from '../echo/gen/echo_pb.ts';

const echoIn = (comment: string) => {
  const sourceCodeInfo = create(SourceCodeInfoSchema, { location: [{ leadingComments: comment }] });
  const set = create(FileDescriptorSetSchema, { file: [{ ...file_echo.proto, sourceCodeInfo }] });
  return createFileRegistry(set).getService('echo.Echo')!;
};

describe('describeServices()', () => {
  it('tells no comments, so that those of a large set do not count', () => {
    const described = describeServices([echoIn('x'.repeat(300_000))]);
    assert.deepEqual(described, describeServices([Echo]));
  });

  it('has each file once, imports first, also of services that were described apart', () => {
    const { file } = fromBinary(FileDescriptorSetSchema, describeServices([Echo, echoIn('other'), ReverseService]));
    assert.deepEqual(
      file.map(({ name }) => name),
      ['echo.proto', 'contact/v1/reverse.proto'],
    );
  });
});

describe('readDescriptorSet()', () => {
  it('puts imports first, and names one that is missing', () => {
    const bytes = (file: (typeof file_echo.proto)[]) =>
      toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
    const importing = {
      ...file_echo.proto,
      name: 'importing.proto',
      dependency: ['echo.proto'],
      service: [],
      messageType: [],
    };
    const { file } = readDescriptorSet(bytes([importing, file_echo.proto]));
    assert.deepEqual(
      file.map(({ name }) => name),
      ['echo.proto', 'importing.proto'],
    );
    assert.throws(() => readDescriptorSet(bytes([importing])), {
      code: 'INVALID_ARGUMENT',
      field: 'descriptors',
      message: /^descriptors: echo\.proto is imported and not there \(protoc needs --include_imports\)$/,
    });
    assert.throws(() => readDescriptorSet(new Uint8Array()), { field: 'descriptors' });
  });
});
