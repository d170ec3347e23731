import { type ContactError, invalid } from '../../shared/errors.ts';
import { readGrants } from './grants.ts';

/** What a server can be told about who is let in. */
export interface IdentityOptions {
  readonly refusalDelayMs: number;
  readonly maxOpenCalls: number;
  /** A path or a URL; undefined: no JWT is taken. */
  readonly jwks: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  readonly jwtPrincipalClaim: string;
  readonly jwtRolesClaim: string;
  /** Each `NAME role=R queue=Q …`. */
  readonly jwtGrants: readonly string[];
  readonly certificateGrants: readonly string[];
}

/** INVALID_ARGUMENT: what is said of JWTs is not all that has to be, or a pattern is none. */
export function checkIdentity(options: IdentityOptions): void {
  const grants = readGrants(options.jwtGrants, 'jwtGrants');
  readGrants(options.certificateGrants, 'certificateGrants');
  if (options.jwks === undefined) return;
  for (const field of ['jwtIssuer', 'jwtAudience'] as const) {
    if (options[field] === undefined)
      throw expected(field, 'where there is `jwks`: else any token of its keys would do');
  }
  if (grants.length === 0) throw expected('jwtGrants', 'where there is `jwks`: else its tokens allow nothing');
}

function expected(field: string, problem: string): ContactError {
  return invalid(field, `expected ${problem}`);
}
