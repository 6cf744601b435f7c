/** Something that `npm run bench -- NAME` measures; it reads its own options. */
export interface BenchCase {
  /** Its options, as the usage text shows them: one line or several. */
  readonly usage: string;
  /** @param words what follows the name @throws UsageError for an option that is not one of its own */
  run(words: readonly string[], tell: Tell): Promise<void>;
}

/** Says how the measuring goes. */
export type Tell = (text: string) => void;
