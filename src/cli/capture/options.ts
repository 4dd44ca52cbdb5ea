import type { CaptureTarget, Capture } from '#src/spec/capture.ts';
import type { TargetWord } from '../targets/targetWord.ts';

/** What a command line asks for. */
export interface CaptureOptions extends Pick<
  Capture,
  'filter' | 'snapLengthBytes' | 'direction' | 'spoolBytes'
> {
  readonly words: readonly TargetWord[];
  /** Undefined: that of the context. */
  readonly namespace?: string | undefined;
  readonly labels?: string | undefined;
  readonly interfaces: CaptureTarget['interfaces'];
  /** `-` is standard output; undefined: that too, as lines where it is a terminal. */
  readonly file?: string | undefined;
  readonly fileBytes?: number | undefined;
  readonly fileSeconds?: number | undefined;
  readonly fileCount?: number | undefined;
  /** The capture ends after so many packets. */
  readonly packetCount?: number | undefined;
  readonly durationSeconds?: number | undefined;
  readonly maxPods: number;
  readonly noFollow: boolean;
  readonly allowLoss: boolean;
  readonly wireshark: boolean;
  readonly quiet: boolean;
  readonly tapNamespace?: string | undefined;
  readonly image: string;
  readonly imagePullSecret?: string | undefined;
  readonly timeoutSeconds: number;
}
