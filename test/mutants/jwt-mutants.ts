import { type Mutant, transport } from './mutant.ts';

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
];
