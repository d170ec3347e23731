import { e2e, type Mutant, transport, unit } from './mutant.ts';

const reflection = (title: string) => transport('sdk-reflection', `createReflection() ${title}`);
const types = (title: string) => e2e('cli-call-types', `contact call, of types ${title}`);

/** Of descriptors that are asked for, and of calls from the command line. */
export const CALL_MUTANTS: readonly Mutant[] = [
  {
    id: 'reflection: no older version is asked for',
    file: 'client/reflection.ts',
    find: 'if (service === ServerReflectionV1alpha) throw',
    replace: 'throw',
    caughtBy: reflection('puts together what a server tells file by file: grpc.reflection.v1alpha.ServerReflection'),
  },
  {
    id: 'reflection: files are taken without end',
    file: 'client/fileset.ts',
    find: 'if (fileByName.size >= MAX_FILES) throw',
    replace: 'if (fileByName.size >= 10 * MAX_FILES) throw',
    caughtBy: reflection('takes no more than its bound of a server that never comes to an end'),
  },
  {
    id: 'reflection: a file is placed before what it imports',
    file: 'client/fileset.ts',
    find: '        file.dependency.forEach(place);\n        open.delete(name);\n        ordered.add(file);',
    replace: '        ordered.add(file);\n        file.dependency.forEach(place);\n        open.delete(name);',
    caughtBy: reflection('puts together what a server tells file by file: grpc.reflection.v1.ServerReflection'),
  },
  {
    id: 'reflection: fields without a name for JSON have none',
    file: 'client/fileset.ts',
    find: '    nameForJson(file.extension, file.messageType);\n',
    replace: '',
    caughtBy: types('takes and shows extensions, and says what proto2 requires'),
  },
  {
    id: 'call: digits of large numbers are lost',
    file: 'cli/call/request.ts',
    find: 'JSON.parse(text, keepDigits)',
    replace: 'JSON.parse(text)',
    caughtBy: unit('cli-call', 'encodeRequest() keeps the digits of numbers that JavaScript cannot hold'),
  },
  {
    id: 'call: an Any within another one is not looked at',
    file: 'cli/call/answer.ts',
    find: 'await settleAnys(desc, inner);',
    replace: '',
    caughtBy: types('shows an Any within another one, whose type only reflection knows, and one that nobody describes'),
  },
  {
    id: 'call: an Any that nobody describes is taken for known the second time',
    file: 'cli/call/answer.ts',
    find: 'if (!unknown.has(name) && (await types.learn(name)))',
    replace: 'if (await types.learn(name))',
    caughtBy: types('shows an Any within another one, whose type only reflection knows, and one that nobody describes'),
  },
  {
    id: 'services: calls are counted for no service',
    file: 'server/tunnel/running.ts',
    find: 'counts.set(service, (counts.get(service) ?? 0) + calls);',
    replace: '',
    caughtBy: transport(
      'describe-client',
      'describeClient() counts live calls by method and by service, also of a client that takes no tasks',
    ),
  },
];
