import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_STATE_HOME/contact/ID.json`, or that below `~/.local/state`: where the credential of a client is kept unless said. */
export function findCredentialPath(clientId: string, environment: NodeJS.ProcessEnv = process.env): string {
  const folder = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  // An id may have the letters of a path.
  return join(folder, 'contact', `${encodeURIComponent(clientId)}.json`);
}
