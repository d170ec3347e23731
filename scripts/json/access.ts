import * as z from 'zod';
import { always, flag, instant, maybe, shape, text, texts, whole, word } from './shape.ts';

const rights = shape('Rights', 'What a credential allows: patterns, each exact or ending in `*`.', {
  roles: always(z.array(word('worker', 'producer', 'observer', 'operator')), 'What it may be.'),
  queues: always(texts, 'Of queues.'),
  clients: always(texts, 'Of client ids.'),
  calls: always(texts, 'Of methods that it may call.'),
  serves: always(texts, 'Of methods that it may serve.'),
});

const fields = {
  id: always(text, 'Its id.'),
  kind: always(word('token', 'join', 'client'), 'What it is.'),
  name: always(text, 'What it was called by its maker; of a client its id.'),
  principal: always(text, 'Who calls with it.'),
  rights: always(rights, 'What it allows; of a join, to the clients that come by it.'),
  createdAt: always(instant, 'When it was made.'),
  expiresAt: maybe(instant, 'When it expires.', 'never'),
  revokedAt: maybe(instant, 'When it was revoked.', 'it was not'),
  lastUsedAt: maybe(instant, 'When it was used last, to the minute.', 'never'),
  usesLeft: maybe(whole, 'Clients that a join will still let in.', 'there is no limit, or it is no join'),
  parent: maybe(text, 'The credential that it came by, or has replaced.', 'neither'),
  client: maybe(text, 'The one client that it may be.', 'any that its rights allow'),
  createdBy: maybe(text, 'The principal that made it.', 'nobody knows'),
  madeWith: maybe(text, 'The credential that it was made with.', 'none that is stored'),
  endsAt: maybe(
    instant,
    'When the credential ends that it was made with: it is not renewed beyond.',
    'its maker had none that ends',
  ),
};

export const credential = shape(
  'Credential',
  'What is known of a token, a join, or a client that came by one.',
  fields,
);

const { revokedAt: _1, lastUsedAt: _2, usesLeft: _3, parent: _4, client: _5, ...ofNew } = fields;

export const newToken = shape('NewToken', 'A token that was made, or that takes the place of another.', {
  token: always(text, 'The token itself, which nobody can read again.'),
  ...ofNew,
  parent: fields.parent,
});

export const newJoin = shape('NewJoin', 'A join text that was made.', {
  join: always(text, 'The join text itself, which nobody can read again.'),
  addresses: always(texts, 'Where clients reach the server.'),
  ...ofNew,
  usesLeft: always(whole, 'Clients that it will let in.'),
});

export const revocation = shape('Revocation', 'What came of revoking a credential.', {
  id: always(text, 'Its id.'),
  revoked: always(z.literal(true), 'It is worth nothing any more.'),
  revokedCount: always(whole, 'Credentials that were revoked now.'),
  livingCount: always(whole, 'Of those that were made with it: how many live on.'),
});

export const caller = shape('Caller', 'Whom the server takes the caller for.', {
  principal: maybe(text, 'Who that is.', 'the server asks nobody'),
  kind: always(text, 'How that is known: `anonymous`, `local`, `token`, `client`, `jwt`, `certificate`.'),
  rights: always(rights, 'What it may do.'),
  expiresAt: maybe(instant, 'When that ends.', 'never'),
  client: maybe(text, 'The one client that it may be.', 'any that its rights allow'),
  credential: maybe(text, 'The id of what it proved itself with.', 'nothing that is stored'),
});

export const enrolled = shape('Enrolled', 'A client that has come by a join text.', {
  client: always(text, 'Its id.'),
  principal: always(text, 'Who calls as it.'),
  credentialFile: always(text, 'Where its credential is kept.'),
});

export const profile = shape('Profile', 'Which server commands speak to, and by which files.', {
  profile: always(text, 'Its name.'),
  current: always(flag, 'Commands go by it that name none.'),
  server: maybe(text, 'HOST:PORT or unix:PATH.', 'it says none'),
  tokenFile: maybe(text, 'A path.', 'it says none'),
  credentialFile: maybe(text, 'A path.', 'it says none'),
  tls: maybe(z.literal(true), 'Connections are encrypted.', 'it does not say so'),
  tlsCa: maybe(text, 'A path.', 'it says none'),
  tlsCert: maybe(text, 'A path.', 'it says none'),
  tlsKey: maybe(text, 'A path.', 'it says none'),
  tlsServerName: maybe(text, 'The name that the certificate is for.', 'it says none'),
  tlsPin: maybe(text, "The pin of the server's authority.", 'it says none'),
  insecure: maybe(z.literal(true), 'The token is sent without TLS.', 'it is not'),
});

export const deletedProfile = shape('DeletedProfile', 'A profile that was forgotten.', {
  profile: always(text, 'Its name.'),
  deleted: always(z.literal(true), 'It is gone.'),
});
