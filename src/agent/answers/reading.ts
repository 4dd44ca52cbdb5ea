interface Reading<T> {
  readonly result: Promise<T>;
  /** While it goes on: for ever. */
  goodUntil: number;
}

/**
 * Lets all who ask share one reading: those who ask while it goes on wait for the same, and those who ask afterwards get
 * it again while it is fresh. A failure is given to those who waited; the next one reads anew.
 *
 * @param freshForMs counted from the reading's start
 * @param restFactor after a reading that took long it is fresh for so many times as long
 */
export function shared<T>(read: () => Promise<T>, freshForMs: number, restFactor = 0): () => Promise<T> {
  let last: Reading<T> | undefined;
  const begin = (): Reading<T> => {
    const startedAt = performance.now();
    const reading = { result: read(), goodUntil: Infinity };
    void settle(reading.result, (isGood) => {
      const endedAt = performance.now();
      const restedAt = endedAt + restFactor * (endedAt - startedAt);
      reading.goodUntil = isGood
        ? Math.max(startedAt + freshForMs, restFactor > 0 ? restedAt : 0)
        : -Infinity;
    });
    return reading;
  };
  return () => {
    if (last === undefined || performance.now() >= last.goodUntil) last = begin();
    return last.result;
  };
}

async function settle(result: Promise<unknown>, onEnd: (isGood: boolean) => void): Promise<void> {
  try {
    await result;
    onEnd(true);
  } catch {
    onEnd(false); // those who wait for it get the error
  }
}
