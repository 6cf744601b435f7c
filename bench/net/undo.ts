/**
 * What has to be undone however the run ends: ending processes, removing namespaces and folders. Undoing
 * is synchronous, so that it also works while the process exits; the last thing done is undone first.
 */
const pending = new Set<() => void>();

process.on('exit', () => {
  for (const undo of [...pending].reverse()) {
    try {
      undo();
    } catch (error) {
      // What can be undone is, whatever cannot.
      process.stderr.write(`${String(error)}\n`);
      process.exitCode ||= 1;
    }
  }
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(1));
}

/** @returns a function that undoes it now; a second call does nothing. */
export function undoAtExit(undo: () => void): () => void {
  const once = () => {
    if (pending.delete(once)) undo();
  };
  pending.add(once);
  return once;
}
