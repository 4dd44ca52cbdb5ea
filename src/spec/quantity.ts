const SUFFIXES = new Map<string, number>([
  ['m', 1e-3],
  ['', 1],
  ...['k', 'M', 'G', 'T'].map((suffix, index): [string, number] => [suffix, 1000 ** (index + 1)]),
  ...['Ki', 'Mi', 'Gi', 'Ti'].map((suffix, index): [string, number] => [suffix, 1024 ** (index + 1)]),
]);

/** Whether Kubernetes takes a text for an amount that is not 0, such as 100m or 64Mi. (It takes more forms than are known here.) */
export function isQuantity(text: string): boolean {
  return valueOf(text) > 0;
}

/** Above 0 where the first of two quantities is larger, below 0 where the second is. */
export function compareQuantities(first: string, second: string): number {
  return valueOf(first) - valueOf(second);
}

/** NaN for what is none. */
function valueOf(text: string): number {
  const [, count, suffix] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/u.exec(text) ?? [];
  return Number(count) * (SUFFIXES.get(`${suffix}`) ?? Number.NaN);
}
