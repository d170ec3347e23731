/** Runs what comes under one name one after the other, in order. Bounded by what is under way. */
export type RunAlone = <T>(name: string, run: () => Promise<T>) => Promise<T>;

export function createSerial(): RunAlone {
  const lastByName = new Map<string, Promise<unknown>>();
  return (name, run) => {
    const before = lastByName.get(name);
    const result = before ? before.then(run) : run();
    const ended = result
      .catch(() => undefined)
      .then(() => {
        if (lastByName.get(name) === ended) lastByName.delete(name);
      });
    lastByName.set(name, ended);
    return result;
  };
}
