import { credentials, Metadata } from '@grpc/grpc-js';
import { reflection, type reflectionV1alpha } from '../../gen/index.ts';
import { createClient } from '../../shared/grpc.ts';
import { atEnd } from './end.ts';

/** One stream of questions about what a server has, as tools open it. */
export interface ReflectionStream {
  list(): Promise<string[]>;
  /** Files as they came; undefined: nothing is known of it. */
  symbol(name: string): Promise<readonly Uint8Array[] | undefined>;
  file(name: string): Promise<readonly Uint8Array[] | undefined>;
  /** Numbers of the extensions of a message. */
  extensions(name: string): Promise<readonly number[] | undefined>;
}

export function openReflection(
  address: string,
  service: typeof reflection.ServerReflection | typeof reflectionV1alpha.ServerReflection = reflection.ServerReflection,
): ReflectionStream {
  const client = createClient(service as typeof reflection.ServerReflection, address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  const call = client.serverReflectionInfo(new Metadata());
  call.on('error', () => undefined);
  atEnd(() => {
    call.cancel();
    client.close();
  });

  function ask(messageRequest: reflection.ServerReflectionRequest['messageRequest']) {
    return new Promise<reflection.ServerReflectionResponse['messageResponse']>((resolve) => {
      call.once('data', ({ messageResponse }) => resolve(messageResponse));
      call.write({ messageRequest });
    });
  }

  async function askForFiles(...asked: Parameters<typeof ask>): Promise<readonly Uint8Array[] | undefined> {
    const answer = await ask(...asked);
    return answer.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto : undefined;
  }

  return {
    async list() {
      const answer = await ask({ case: 'listServices', value: '' });
      return answer.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : [];
    },
    symbol: (value) => askForFiles({ case: 'fileContainingSymbol', value }),
    async extensions(value) {
      const answer = await ask({ case: 'allExtensionNumbersOfType', value });
      return answer.case === 'allExtensionNumbersResponse' ? answer.value.extensionNumber : undefined;
    },
    file: (value) => askForFiles({ case: 'fileByFilename', value }),
  };
}
