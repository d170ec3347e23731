import { type Mutant, property, transport } from './mutant.ts';

/** Tokens of others: by which keys they are checked, and what their grants make of them. */
export const JWT_MUTANTS: readonly Mutant[] = [
  {
    id: 'new key never looked for',
    file: 'server/access/jwks.ts',
    find: 'keys = read();\n      } catch (unreadable)',
    replace: '} catch (unreadable)',
    caughtBy: transport('jwt', 'of a new key are taken once it is in the file'),
  },
  {
    id: 'the first of the keys that fit alone',
    file: 'server/access/signature.ts',
    find: 'if (error instanceof errors.JWSSignatureVerificationFailed) continue;',
    replace: '',
    caughtBy: transport('jwt-keys', 'of a file that fit a token are tried one after the other: two of one name'),
  },
  {
    id: 'keys that cannot be used are the fault of the token',
    file: 'server/access/signature.ts',
    find: 'throw isOfToken(error) ? error : new KeysError(error);',
    replace: 'throw error instanceof errors.JOSEError || error === find ? error : new KeysError(error);',
    caughtBy: transport('jwt-keys', 'that cannot be used are no fault of the token, and the log says what is wrong'),
  },
  {
    id: 'a newer key without a name is not looked for',
    file: 'server/access/signature.ts',
    find: 'error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;',
    replace: 'error instanceof errors.JWKSNoMatchingKey;',
    caughtBy: transport(
      'jwt-keys',
      'of a file that have no name are looked for when they are new, and those before go on',
    ),
  },
  {
    id: 'grants: the role of one in the queues of another',
    file: 'server/access/methods.ts',
    find: "if (!caller.parts || typeof admission === 'string') return caller;",
    replace: "if (caller.parts || typeof admission === 'string') return caller;",
    caughtBy: transport(
      'grants',
      'may do what each of them allows, and nothing by the role of one in the queues of another',
    ),
  },
  {
    id: 'grants: the queue of one for the client of another',
    file: 'server/api/batch.ts',
    find: 'asFarAs(caller, ({ scope }) => isInScope(scope, task.queue))',
    replace: 'asFarAs(caller, ({ scope }) => isInScope(scope, task.queue) || scope !== undefined)',
    caughtBy: property('grants', 'let give to a queue, for a client, what one of them does as a whole'),
  },
  {
    id: 'grants: the client of one for the queue of another',
    file: 'server/access/callers.ts',
    find: 'parts.filter((_part, at) => mayBe(plainOf[at]!, clientId))',
    replace: 'parts',
    caughtBy: property('grants', 'let a worker be a client, for a queue, as one of them does'),
  },
  {
    id: 'grants: the method of one at the client of another',
    file: 'server/tunnel/asked.ts',
    find: 'const callsIt = asFarAs(who, (part) => mayCall(part, method));',
    replace: 'const callsIt = who;',
    caughtBy: property(
      'grants',
      'let call a method of a client as one of them does, and look at the queues of a client',
    ),
  },
  {
    id: 'grants: all of them make what is given to others',
    file: 'server/model/caller.ts',
    find: '(caller.parts ?? [caller]).map((part) => findBeyondOne(part, rights))',
    replace: '[caller].map((part) => findBeyondOne(part, rights))',
    caughtBy: property('grants', 'let give to others what is within one of them'),
  },
];
