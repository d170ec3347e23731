import { type Command, Option } from 'commander';
import { collect, collectFrom } from './option.ts';

/** Adds the flags that say what a credential allows. @param roles that it may have */
export function addRightsOptions(command: Command, roles: readonly string[], roleHelp: string): Command {
  return command
    .addOption(new Option('--role <role>', roleHelp).argParser(collectFrom(roles)))
    .option('--queue <pattern>', 'queues, exact or ending in *; may be repeated', collect)
    .option('--client <pattern>', 'clients: of a worker those that it may be, else whom it may address', collect)
    .option('--call <pattern>', 'methods that it may call of clients: pkg.Service/Method, pkg.*', collect)
    .option('--serve <pattern>', 'methods that it may serve as a worker', collect);
}
