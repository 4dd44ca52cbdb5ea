import { UsageError } from '#src/errors.ts';
import { compareQuantities, isQuantity } from '#src/tap/quantity.ts';
import { containerResources, type Quantities, type ResourceWishes } from '#src/tap/resources.ts';
import type { RawOptions } from './commandLine.ts';
import { quote } from './text.ts';

const NAMES = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * What `--requests` and `--limits` ask for, in the form that `kubectl set resources` has.
 *
 * @throws {UsageError} for what is no such list, and for a request above its limit.
 */
export function resourcesOf({ requests, limits }: Pick<RawOptions, 'requests' | 'limits'>): ResourceWishes {
  const wishes = { requests: quantities('--requests', requests), limits: quantities('--limits', limits) };
  const all = containerResources(wishes);
  for (const [name, request] of Object.entries(all.requests)) {
    const limit = all.limits[name];
    if (limit !== undefined && compareQuantities(request, limit) > 0)
      throw new UsageError(
        `--requests ${name}=${request} is more than --limits ${name}=${limit}: give at most that`,
      );
  }
  return wishes;
}

function quantities(flag: string, text: string | undefined): Quantities {
  if (text === undefined) return {};
  const entries = text.split(',').map((part): [string, string] => {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/u.exec(part) ?? [];
    if (NAMES.includes(name) && isQuantity(value)) return [name, value];
    throw refusal(flag, text);
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length) throw refusal(flag, text);
  return Object.fromEntries(entries);
}

function refusal(flag: string, text: string): UsageError {
  return new UsageError(
    `${flag} ${quote(text)} is not possible: give amounts of ${NAMES.join(', ')}, each once, such as cpu=100m,memory=128Mi`,
  );
}
