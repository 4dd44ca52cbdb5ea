import { release } from 'node:os';
import { isOlderKernel } from '#src/tap/proc/kernelRelease.ts';

/** Of a hello: only the header of a frame, which comes from 02:6b:00:00:00:00. */
const helloDigits = 28;

/** Linux 5.10 delivers hellos to the mirror; newer kernels drop them there, as src/tap/packets/hello.ts says. */
const deliversHellos = isOlderKernel(release(), '6.1');

/** The frames of a capture without hellos, where the kernel shows them; elsewhere none may be there. */
export function withoutHellos(frames: readonly string[]): string[] {
  return frames.filter((frame) => !deliversHellos || !isHello(frame));
}

function isHello(frame: string): boolean {
  return frame.length === helloDigits && frame.slice(12, 24) === '026b00000000';
}
