import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from '#src/errors.ts';

/** How kubectl is started. */
export interface Kubectl {
  readonly program: string;
  /** Its own flags, which choose the cluster and who asks. */
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The oldest that kokotap is for; older ones lack ways to log in that clusters need today. */
const OLDEST_MINOR = 24;
const TIMEOUT_MS = 10_000;

/** Runs kubectl for what it knows without the cluster. Rejects when it cannot be started or fails. */
export async function runKubectl({ program, flags, env }: Kubectl, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...flags, ...args], { env, timeout: TIMEOUT_MS });
  return stdout;
}

/** The error for a kubectl that could not be started. */
export function notStarted(program: string, cause: NodeJS.ErrnoException): UserError {
  const name = JSON.stringify(program);
  const advice = 'https://kubernetes.io/docs/tasks/tools says how to install it, or give --kubectl';
  if (cause.code === 'ENOENT')
    return new UserError(`kokotap reaches the cluster through kubectl, and there is no ${name}: ${advice}`, {
      cause,
    });
  return new UserError(`Cannot start ${name} (${cause.code}): ${advice}`, { cause });
}

/**
 * What to add to the message of a failure that may have its reason in an old kubectl; empty where it is new enough. Asked
 * after a failure only: an older one that does its work is no mistake of the user's.
 */
export async function ageOf(kubectl: Kubectl): Promise<string> {
  const said = await runKubectl({ ...kubectl, flags: [] }, ['version', '--client']).catch(() => '');
  const [, version, minor] = /v(1\.(\d+)[.\d]*)/u.exec(said) ?? [];
  if (version === undefined || Number(minor) >= OLDEST_MINOR) return '';
  return `; kubectl is ${version}, and kokotap needs 1.${OLDEST_MINOR} or newer`;
}
