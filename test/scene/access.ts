import type { MessageInitShape } from '@bufbuild/protobuf';
import { type CallOptions, credentials, Metadata } from '@grpc/grpc-js';
import { AccessService, EnrolmentService, type RightsSchema, Role } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import type { ServerOptions, ServerParts } from '../../server/index.ts';
import { createClient, type GrpcClient } from '../../shared/grpc.ts';
import { atEnd } from './end.ts';
import { type Scene, type SceneOptions, startScene } from './server.ts';

/** A server that asks who calls. */
export interface GuardedScene extends Scene {
  /** The token of its first operator. */
  readonly operator: string;
  readonly access: Access;
}

/** Makes and ends credentials as an operator. */
export interface Access {
  token(rights?: MessageInitShape<typeof RightsSchema>, options?: { seconds?: number; name?: string }): Promise<Made>;
  join(
    rights?: MessageInitShape<typeof RightsSchema>,
    options?: { seconds?: number; clientSeconds?: number; uses?: number; name?: string },
  ): Promise<Made>;
  /** Lets a client in; a promise of its token. */
  enrol(join: Made, clientId: string, drawn?: ReturnType<typeof drawToken>): Promise<Made>;
  revoke(id: string): Promise<void>;
  readonly client: GrpcClient<typeof AccessService>;
}

export interface Made {
  readonly id: string;
  readonly text: string;
}

export const ALL = { queues: ['*'], clients: ['*'], calls: ['*'], serves: ['*'] };
export const EVERY_ROLE = [Role.WORKER, Role.PRODUCER, Role.OBSERVER, Role.OPERATOR];

export async function startGuarded(
  options: SceneOptions = {},
  parts: Partial<ServerParts> = {},
): Promise<GuardedScene> {
  let operator = '';
  const scene = await startScene({ auth: 'on', refusalDelayMs: 10, ...options } as Partial<ServerOptions>, {
    keepOperatorToken(token) {
      operator = token;
    },
    ...parts,
  });
  return Object.assign(Object.create(scene) as Scene, { operator, access: createAccessScene(scene, operator) });
}

/** What a call sends with it. */
export function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

type Method = (request: never, metadata: Metadata, options: CallOptions, callback: never) => unknown;

/** One call of a unary method with a token. */
export function askAs<O>(token: string, client: unknown, method: string, request: unknown): Promise<O> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, answer: O): void => (error ? reject(error) : resolve(answer));
    const call = (client as Record<string, Method>)[method]!.bind(client);
    call(request as never, bearer(token), {}, callback as never);
  });
}

export function createAccessScene({ address }: { readonly address: string }, operator: string): Access {
  const options = { 'grpc.use_local_subchannel_pool': 1 };
  const client = createClient(AccessService, address, credentials.createInsecure(), options);
  const enrolment = createClient(EnrolmentService, address, credentials.createInsecure(), options);
  atEnd(() => client.close());
  atEnd(() => enrolment.close());
  let count = 0;

  return {
    client,
    async token(rights = {}, { seconds = 0, name = `t${++count}` } = {}) {
      const { id, text, hash } = drawToken();
      await askAs(operator, client, 'createToken', {
        id,
        secretHash: Buffer.from(hash, 'hex'),
        name,
        rights: { roles: EVERY_ROLE, ...ALL, ...rights },
        lifetimeSeconds: BigInt(seconds),
      });
      return { id, text };
    },
    async join(rights = {}, { seconds = 0, clientSeconds = 0, uses = 0, name = `j${++count}` } = {}) {
      const { id, text, hash } = drawToken();
      await askAs(operator, client, 'createJoin', {
        id,
        secretHash: Buffer.from(hash, 'hex'),
        name,
        rights: { roles: [Role.WORKER], ...ALL, ...rights },
        lifetimeSeconds: BigInt(seconds),
        clientLifetimeSeconds: BigInt(clientSeconds),
        uses,
      });
      return { id, text };
    },
    async enrol(join, clientId, { id, text, hash } = drawToken()) {
      await askAs(join.text, enrolment, 'enrol', { clientId, id, secretHash: Buffer.from(hash, 'hex') });
      return { id, text };
    },
    async revoke(id) {
      await askAs(operator, client, 'revokeCredential', { id });
    },
  };
}
