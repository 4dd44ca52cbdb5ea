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
 */
export function shared<T>(read: () => Promise<T>, freshForMs: number): () => Promise<T> {
  let last: Reading<T> | undefined;
  const begin = (): Reading<T> => {
    const startedAt = performance.now();
    const reading = { result: read(), goodUntil: Infinity };
    void settle(reading.result, (isGood) => {
      reading.goodUntil = isGood ? startedAt + freshForMs : -Infinity;
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
