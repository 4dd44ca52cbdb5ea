/** Whom a command tells what goes on. */
export interface Surroundings {
  readonly warn: (message: string) => void;
  /** Told what is done, for those who want to know. */
  readonly trace: (message: string) => void;
}
