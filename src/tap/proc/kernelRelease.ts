/** The oldest kernel that a tap was tried on. */
export const OLDEST_KERNEL = '5.10';

/**
 * Whether a kernel is of an older release than another. Only its first two numbers count, and one without them is not older.
 *
 * @param release as `uname -r` has it, such as 5.10.0-28-amd64
 */
export function isOlderKernel(release: string, than: string): boolean {
  const [major, minor] = numbersOf(release);
  const [thanMajor = 0, thanMinor = 0] = numbersOf(than);
  if (major === undefined || minor === undefined) return false;
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

function numbersOf(release: string): readonly number[] {
  return (/^(\d+)\.(\d+)/u.exec(release) ?? []).slice(1).map(Number);
}
