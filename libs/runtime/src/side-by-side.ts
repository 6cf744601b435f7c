/**
 * Runs `action` for every item, `atOnce` of them side by side. After the first failure no further item
 * is begun; it is thrown when those under way have ended, so nothing goes on behind the caller's back.
 */
export async function sideBySide<T>(
  items: Iterable<T>,
  atOnce: number,
  action: (item: T) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const work = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      try {
        await action(next.value);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failures.length > 0) throw failures[0];
}
