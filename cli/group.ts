import { readdirSync, readFileSync } from 'node:fs';

/** A command and everything it started that stayed in its process group. */
export interface ProcessGroup {
  /** False: nobody is left in it. */
  signal(name: NodeJS.Signals): boolean;
  /** Whether somebody is left who still runs. */
  isAlive(): boolean;
  /** Kills what is left and forgets the group. */
  close(): void;
}

/** Groups that are open, to be killed at the end of this process. Bounded by how many tasks run at once. */
const openGroups = new Set<ProcessGroup>();

/** @param leader process id of a child that was started detached, so that it leads a group of its own */
export function openProcessGroup(leader: number): ProcessGroup {
  function signal(name: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-leader, name);
    } catch {
      return false;
    }
  }
  const group: ProcessGroup = {
    signal,
    isAlive: () => signal(0) && hasLivingMember(leader),
    close: () => {
      signal('SIGKILL');
      openGroups.delete(group);
    },
  };
  openGroups.add(group);
  return group;
}

/** For the last moment of the process: kills every group that is still open. */
export function closeProcessGroups(): void {
  for (const group of openGroups) group.close();
}

/**
 * Whether a process of the group has not ended. Ended ones that nobody collects (usual in containers without an init)
 * take signals like living ones. True where the system does not tell.
 */
function hasLivingMember(leader: number): boolean {
  try {
    return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isLivingMember(name, leader));
  } catch {
    return true;
  }
}

function isLivingMember(processId: string, leader: number): boolean {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    // After the name in brackets, which may hold anything: state, parent, process group.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(group) === leader && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
