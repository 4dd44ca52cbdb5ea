interface Waiting<T, R> {
  readonly one: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Has things done together that are asked for in the same moment, or while others are being done: what is done for one costs
 * as much as for all. If it fails for several, it is done for each alone, so that nobody's failure is another's.
 *
 * @param act does it; its result is given to all
 */
export function together<T, R>(act: (all: readonly T[]) => Promise<R>): (one: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let isBusy = false;
  const doFor = async (taken: readonly Waiting<T, R>[]): Promise<void> => {
    try {
      const result = await act(taken.map(({ one }) => one));
      for (const { resolve } of taken) resolve(result);
    } catch (error) {
      if (taken.length === 1) for (const { reject } of taken) reject(error);
      else for (const each of taken) await doFor([each]);
    }
  };
  const work = async (): Promise<void> => {
    isBusy = true;
    await Promise.resolve(); // others of the same moment
    while (waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      await doFor(taken);
    }
    isBusy = false;
  };
  return (one) => {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    waiting.push({ one, resolve, reject });
    if (!isBusy) void work();
    return promise;
  };
}
