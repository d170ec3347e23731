import * as grpc from '@grpc/grpc-js';
import { ContactService, OutcomeCode } from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';

/** Tells a result of one delivery without a session, as a late client might; answers what became of it. */
export async function tellResult(server: string, taskId: string, delivery: number): Promise<string> {
  const client = createClient(ContactService, server, grpc.credentials.createInsecure());
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = client.tellResult(new grpc.Metadata(), {}, (error, response) => {
    if (error) reject(error);
    else resolve(nameOf(response!.outcomes[0]!.code));
  });
  call.write({ succeeded: [{ taskId, delivery, result: Buffer.from('late'), contentType: 'text/plain' }] });
  call.end();
  try {
    return await promise;
  } finally {
    client.close();
  }
}

function nameOf(code: OutcomeCode): string {
  return Object.entries(OutcomeCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
}
