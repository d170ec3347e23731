import type { JSONWebKeySet, JWK } from 'jose';
import type { Complaint } from '../../shared/authorities.ts';

/** Kinds of keys of which both sides have the same one, or that none of the algorithms here is for. */
const KINDS: ReadonlySet<string> = new Set(['RSA', 'EC', 'OKP']);
/** What only who signs has, by its names in a JWK. */
const SECRET_PARTS = ['d', 'p', 'q', 'k'] as const;

/** What is to be mended about a JSON Web Key Set, although it is one. @param path as it is named in what is said */
export function examineKeySet({ keys }: JSONWebKeySet, path: string): readonly Complaint[] {
  if (keys.length === 0) {
    return [{ what: `${path} has no key in it: every JWT is refused`, advice: 'put the keys there of who signs them' }];
  }
  return keys.flatMap((key, at) => {
    const name = `the key ${key.kid === undefined ? `number ${at + 1}` : JSON.stringify(key.kid.slice(0, 80))} in ${path}`;
    return [...complainOfUse(key, name), ...complainOfSecret(key, name)];
  });
}

function complainOfUse({ kty, use }: JWK, name: string): Complaint[] {
  if (!KINDS.has(String(kty))) {
    const what = `${name} is of the kind ${JSON.stringify(String(kty).slice(0, 20))}: no JWT is taken that it has signed`;
    return [{ what, advice: 'sign with RSA, EC or OKP keys' }];
  }
  if (use === undefined || use === 'sig') return [];
  return [{ what: `${name} is not for signatures (use): no JWT is taken that it has signed`, advice: 'leave it out' }];
}

function complainOfSecret(key: JWK, name: string): Complaint[] {
  if (!SECRET_PARTS.some((part) => Object.hasOwn(key, part))) return [];
  const what = `${name} is a private one: no JWT is taken by it, and whoever reads the file can sign as its owner`;
  return [{ what, advice: 'put the public key in its place, and have another made if others could read the file' }];
}
