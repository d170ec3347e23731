import { type RoleProcess, startFleetProcess } from '../process.ts';
import type { Rig } from '../rig.ts';
import type { FleetAsks, FleetCounts } from '../roles/fleet.ts';

/** One process of clients would be the bottleneck when all of them are spoken to at once. */
const PROCESSES = 2;

/** Clients with two streams each, in processes of their own. */
export interface Fleets {
  counts(): Promise<FleetCounts>;
  end(): Promise<void>;
}

/** Answers when each has heard from the server. The ids are PREFIXp-n: process and number. */
export async function startFleets(rig: Rig, queue: string, clients: number, perConnection: number): Promise<Fleets> {
  const processes: RoleProcess<FleetAsks>[] = Array.from({ length: PROCESSES }, startFleetProcess);
  const end = async (): Promise<void> => void (await Promise.all(processes.map((one) => one.end())));
  const { system, server } = rig;
  const target = { system: system.name, address: server.address, queue, perConnection };
  try {
    await Promise.all(
      processes.map((one, at) => one.ask.open({ ...target, clients: clients / PROCESSES, prefix: clientPrefix(at) })),
    );
  } catch (error) {
    await end();
    throw error;
  }
  return {
    end,
    async counts() {
      const counts = await Promise.all(processes.map((one) => one.ask.counts()));
      const sum = (key: keyof FleetCounts): number => counts.reduce((total, one) => total + one[key], 0);
      const newestAt = Math.max(...counts.map((one) => one.newestAt));
      return { messages: sum('messages'), tasks: sum('tasks'), served: sum('served'), gone: sum('gone'), newestAt };
    },
  };
}

export function listClientIds(clients: number): string[] {
  return Array.from({ length: clients }, (_, at) => `${clientPrefix(at % PROCESSES)}${Math.floor(at / PROCESSES)}`);
}

function clientPrefix(process: number): string {
  return `fleet-${process}-`;
}
