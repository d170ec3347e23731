import { ContactError } from '../../shared/errors.ts';
import { mayBeOne, type World } from './rules.ts';

function livingOf(world: World, now: number) {
  return [...world.credentials.values()].filter(
    ({ revokedAt, expiresAt }) => revokedAt === null && (expiresAt === null || expiresAt > now),
  );
}

/** Whether a credential lives that keeps the id for one client. */
export function isEnrolled(world: World, clientId: string, now: number): boolean {
  return livingOf(world, now).some((credential) => credential.clientId === clientId);
}

/** The principal whose a client id is; empty: nobody's. */
export function ownerOf(world: World, clientId: string, now: number): string {
  const living = livingOf(world, now);
  const isThere = (principal: string): boolean =>
    principal !== '' &&
    (!/^(?:token|client):/.test(principal) || living.some((credential) => credential.principal === principal));
  const candidates = [
    ...living.filter((credential) => credential.clientId === clientId).map(({ principal }) => principal),
    world.clients.get(clientId)?.subject ?? '',
    ...[...world.sessions.values()].filter((session) => session.clientId === clientId).map(({ subject }) => subject),
  ];
  return candidates.find(isThere) ?? '';
}

export function isFree(world: World, clientId: string, subject: string, now: number): boolean {
  return mayBeOne(ownerOf(world, clientId, now), subject);
}

export function checkFree(world: World, clientId: string, subject: string, now: number): void {
  if (isFree(world, clientId, subject, now)) return;
  throw new ContactError('ALREADY_EXISTS', 'it is the client of another principal', { field: 'contact-client' });
}
