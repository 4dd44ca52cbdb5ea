import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { messageOf, UsageError } from '#src/errors.ts';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { type EndpointList, parseEndpointList } from '#src/spec/endpointList.ts';
import { Alarm } from '#src/agent/alarm.ts';

/** Whoever writes the file in place has done so by then. */
const settleMs = 50;
/** A file that cannot be read as a list may be half written: it is looked at so much later before that is said. */
const doubtMs = 500;

/** Told of each list, and of what is wrong with the file; undefined: nothing. */
export interface ListFollower {
  apply(endpoints: EndpointList['endpoints']): void;
  tellTrouble(trouble: string | undefined): void;
}

/**
 * Follows the list of endpoints in a file until the signal comes, however it is replaced: by a volume of Kubernetes, which
 * exchanges a symbolic link above it, by another file of its name, or by writing into it. The last good list stands while
 * the file has none.
 *
 * @param kind of its endpoints
 * @param checkMs between two looks where the kernel reports no change
 */
export async function followEndpointFile(
  file: string,
  kind: EndpointDocument['kind'],
  follower: ListFollower,
  { checkMs, log, signal }: { checkMs: number; log: Logger; signal: AbortSignal },
): Promise<void> {
  const alarm = new Alarm(signal);
  const folder = watchFolder(path.dirname(file), () => alarm.ring());
  let version: string | undefined;
  let last: EndpointList['endpoints'] | undefined;
  let told: string | undefined = '';
  let doubtedSince: number | undefined;
  const tell = (trouble: string | undefined): void => {
    if (trouble === told) return;
    told = trouble;
    if (trouble !== undefined) log.error({ file }, trouble);
    follower.tellTrouble(trouble);
  };
  while (!signal.aborted) {
    const before = versionOf(file);
    if (before !== version || doubtedSince !== undefined) {
      try {
        const list = parseEndpointList(kind, readFileSync(file, 'utf8'), last);
        doubtedSince = undefined;
        log.info({ endpoints: list.endpoints.size, problems: list.problems }, 'read the list of endpoints');
        last = list.endpoints;
        follower.apply(last);
        tell(list.problems.length === 0 ? undefined : `Not all endpoints of ${file}: ${some(list.problems)}`);
        version = before;
      } catch (error) {
        if (!(error instanceof UsageError) && !isOfSystem(error)) throw error;
        doubtedSince ??= performance.now();
        if (performance.now() - doubtedSince >= doubtMs) {
          doubtedSince = undefined;
          version = before;
          const stands =
            last === undefined
              ? 'There is no list of endpoints yet'
              : 'The last good list of endpoints stands';
          tell(`${stands}: ${messageOf(error)}`);
        }
      }
    }
    const hasRung = await alarm.wait(doubtedSince === undefined ? checkMs : doubtMs);
    if (hasRung) await alarm.pause(settleMs);
  }
  folder?.close();
}

const shownProblems = 5;

function some(problems: readonly string[]): string {
  const more = problems.length - shownProblems;
  return [...problems.slice(0, shownProblems), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** What is other when the file is. */
function versionOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
}

/** Without it changes are seen a little later: where there is no such folder yet, or the node has too many watches. */
function watchFolder(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, onChange).on('error', onChange);
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    return undefined;
  }
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
