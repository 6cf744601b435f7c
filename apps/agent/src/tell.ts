/** Tells what happens to whoever started this agent. */
export type Tell = (event: Readonly<Record<string, unknown>>) => void;
