/** How a command line ended. */
export interface Outcome {
  readonly exitCode: number;
  /** For standard output. */
  readonly text: string;
}
