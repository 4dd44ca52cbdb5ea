import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { CommandError, run, type RunOptions } from '#src/exec/command.ts';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';

/** What of the agent's own network namespace treats packets on their way out. */
export interface NodeTreatment {
  /** It has IPsec policies, or sends nothing without one. */
  readonly hasIpsec: boolean;
  /** Its netfilter rules, as `nft --numeric --stateless list ruleset` prints them; undefined: not all of them can be read. */
  readonly ruleset: string | undefined;
}

/** Where the rules take longer to read, they are too many to be read again and again. */
const readingTimeoutMs = 2000;
/** Since then there are policies for all that has none. */
const kernelWithDefaults = '5.14';

/** @throws {CommandError} when something cannot be read */
export async function readNodeTreatment(options: RunOptions): Promise<NodeTreatment> {
  const [hasIpsec, ruleset] = await Promise.all([readIpsec(options), readRuleset(options)]);
  return { hasIpsec, ruleset };
}

async function readIpsec(options: RunOptions): Promise<boolean> {
  const counted = await unlessWithoutXfrm(run('ip', ['xfrm', 'policy', 'count'], options));
  if (counted === undefined) return false;
  const [, ...counts] = /SPD IN\s+(\d+) OUT\s+(\d+) FWD\s+(\d+)/.exec(counted) ?? [];
  if (counts.length !== 3) throw new Error(`ip xfrm policy count says ${counted.trim()}`);
  if (counts.some((count) => count !== '0')) return true;
  if (isOlderKernel(release(), kernelWithDefaults)) return false;
  return /^ *out: *block/m.test(await run('ip', ['xfrm', 'policy', 'getdefault'], options));
}

/** Undefined where the kernel has no IPsec. */
async function unlessWithoutXfrm(answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CommandError && error.stderr.includes('Protocol not supported')) return undefined;
    throw error;
  }
}

/** nft does not show the rules of iptables-legacy, whose tables the kernel names. */
async function readRuleset(options: RunOptions): Promise<string | undefined> {
  const names = '/proc/self/net/ip_tables_names';
  if (existsSync(names) && readFileSync(names, 'utf8') !== '') return undefined;
  return run('nft', ['--numeric', '--stateless', 'list', 'ruleset'], {
    ...options,
    timeoutMs: readingTimeoutMs,
  });
}
