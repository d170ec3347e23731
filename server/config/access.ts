import { choice, duration, grant, list, optional, text, toggle } from './kinds.ts';
import { row } from './row.ts';

// The options that say who is let in, as those of rows.ts.

export const ACCESS = {
  auth: row({
    kind: optional(choice('on', 'off')),
    default: undefined,
    defaultText: 'on with TLS and where the server listens beyond loopback, else off',
    description:
      'whether callers have to say who they are, by a token or a certificate; off is refused beyond loopback, but with --insecure',
  }),
  insecure: row({
    kind: toggle(),
    default: false,
    description: 'whoever reaches the server, from wherever, may do everything, unless auth is on',
  }),
  operatorSocket: row({
    kind: optional(text('path', 'the path of a socket file, or none')),
    default: undefined,
    defaultText: 'FILE.sock beside the FILE of the store, where auth is on',
    description: 'a socket file whose callers are operators, for this user alone; "none": there is none',
  }),
  refusalDelayMs: row({
    kind: duration({ min: 0, max: 60_000 }),
    default: 300,
    description: 'by how much the answer to a call without a valid credential is late, so that guessing is slow',
  }),
  authenticateWithinMs: row({
    kind: duration(),
    default: 10_000,
    description: 'a connection over which no call came that was let in is ended after this',
  }),
  jwks: row({
    kind: optional(text('file|url', 'a path, or a URL that begins with https://')),
    default: undefined,
    description: 'the JSON Web Key Set that signs JWTs; without it none is taken',
    isReloaded: true,
  }),
  jwtIssuer: row({
    kind: optional(text('text', 'a text')),
    default: undefined,
    description: 'the iss that JWTs must have',
    isReloaded: true,
  }),
  jwtAudience: row({
    kind: optional(text('text', 'a text')),
    default: undefined,
    description: 'the aud that JWTs must have',
    isReloaded: true,
  }),
  jwtPrincipalClaim: row({
    kind: text('claim', 'the name of a claim'),
    default: 'sub',
    description: 'the claim of a JWT that names who it is of',
    isReloaded: true,
  }),
  jwtRolesClaim: row({
    kind: text('claim', 'the name of a claim'),
    default: 'roles',
    description: 'the claim of a JWT whose texts the grants are for; realm_access.roles is one within another',
    isReloaded: true,
  }),
  jwtGrants: row({
    kind: list(grant()),
    default: [],
    description: 'what a text of that claim allows, or the beginning of one and *: "web role=producer queue=mail/*"',
    isReloaded: true,
  }),
  certificateGrants: row({
    kind: list(grant()),
    default: [],
    description: 'what a client certificate allows, by its name in the same way; client={name} is its own',
    isReloaded: true,
  }),
};
