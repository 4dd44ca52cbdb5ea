import { setTimeout as sleep } from 'node:timers/promises';
import { FrameReader, type Frame } from '#src/capture/frames.ts';
import { UserError } from '#src/errors.ts';
import { exec, type Execution } from '#src/kube/exec.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { madeSchema } from '#src/kube/schemas.ts';
import { capturePod, type CapturePodInput } from '#src/pods/capturePod.ts';
import { CONTAINER } from '#src/pods/container.ts';
import { quote } from '../text.ts';
import { type CapturePod, podSchema } from '../targets/schemas.ts';

/** How often the program in the pod is told that there is a reader; it ends after 20 s without that. */
const BEAT_MS = 4000;
const LOOK_MS = 200;
/** So long everything may take without a word about it. */
const QUIET_MS = 2000;

export interface NodeCaptureOptions {
  readonly timeoutMs: number;
  /** Told what is waited for, when that changes. */
  readonly onWait: (reason: string) => void;
  readonly signal: AbortSignal;
}

/** A pod on a node, and in it the program that captures. */
export class NodeCapture {
  readonly node: string;
  readonly #cluster: Cluster;
  readonly #pod: CapturePodInput;
  readonly #execution: Execution;
  readonly #beats: NodeJS.Timeout;
  #stderr = '';

  private constructor(cluster: Cluster, pod: CapturePodInput, execution: Execution) {
    this.node = pod.nodeName;
    this.#cluster = cluster;
    this.#pod = pod;
    this.#execution = execution;
    // Once the stream has ended, what is said is of no interest.
    execution.stdin.on('error', () => undefined);
    execution.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#beats = setInterval(() => this.#say(''), BEAT_MS);
  }

  /**
   * Makes the pod, waits for it, and starts the program.
   *
   * @param line what it is to capture
   * @throws {UserError} with the reason when the pod does not start
   */
  static async start(
    cluster: Cluster,
    pod: CapturePodInput,
    line: string,
    options: NodeCaptureOptions,
  ): Promise<NodeCapture> {
    const { namespace, name } = pod;
    await cluster.api.create({ kind: 'pods', namespace }, capturePod(pod), madeSchema);
    try {
      await untilRunning(cluster, pod, options);
      const target = { namespace, pod: name, container: CONTAINER };
      const execution = await exec(cluster.client, target, ['kokotap-agent', 'capture']);
      const capture = new NodeCapture(cluster, pod, execution);
      capture.tell(line);
      return capture;
    } catch (error) {
      await cluster.api.delete({ kind: 'pods', namespace, name });
      throw error;
    }
  }

  /** What it is to capture from now on. */
  tell(line: string): void {
    this.#say(line);
  }

  /** Has the program hand over what it has, and end. */
  stop(): void {
    this.#say('end');
  }

  /**
   * What comes, until the end.
   *
   * @throws {UserError} with what the program says when it cannot capture, or when the stream is cut short
   */
  async *frames(): AsyncGenerator<readonly Frame[]> {
    const reader = new FrameReader();
    for await (const chunk of this.#execution.stdout) {
      const frames = reader.push(chunk);
      if (frames.length > 0) yield frames;
    }
    const exitCode = await this.#execution.exitCode;
    if (exitCode !== 0)
      throw new UserError(
        this.#stderr.trim().replace(/^kokotap-agent: /u, '') ||
          `The program that captures on node ${quote(this.node)} ended with exit code ${exitCode}`,
      );
  }

  /** Takes the pod away. */
  async remove(): Promise<void> {
    clearInterval(this.#beats);
    this.#execution.close();
    const { namespace, name } = this.#pod;
    await this.#cluster.api.delete({ kind: 'pods', namespace, name });
  }

  #say(line: string): void {
    if (this.#execution.stdin.writable) this.#execution.stdin.write(`${line}\n`);
  }
}

/** Waits until the pod's container runs. */
async function untilRunning(
  { api }: Cluster,
  { namespace, name, nodeName }: CapturePodInput,
  { timeoutMs, onWait, signal }: NodeCaptureOptions,
): Promise<void> {
  const begin = performance.now();
  for (let told: string | undefined; ;) {
    const pod = await api.get({ kind: 'pods', namespace, name }, podSchema);
    if (pod?.status?.phase === 'Running') return;
    const reason = reasonOf(pod);
    const waitedMs = performance.now() - begin;
    if (pod === undefined || hasFailed(pod) || waitedMs > timeoutMs)
      throw new UserError(
        `The capture's pod ${quote(name)} on node ${quote(nodeName)} does not start: ${reason}`,
      );
    if (waitedMs > QUIET_MS && reason !== told) onWait(`${nodeName}: ${reason}`);
    if (waitedMs > QUIET_MS) told = reason;
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** An image that is not there is not there in a minute either, where nobody is asked for it. */
function hasFailed({ status }: CapturePod): boolean {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting?.reason;
  return status?.phase === 'Failed' || waiting === 'ErrImageNeverPull' || waiting === 'InvalidImageName';
}

function reasonOf(pod: CapturePod | undefined): string {
  if (pod === undefined) return 'somebody removed it';
  const { status } = pod;
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  const said = waiting ?? status;
  return (
    [said?.reason, said?.message].filter(Boolean).join(': ') || `it is ${status?.phase ?? 'not there yet'}`
  );
}
