import { FleetseedError } from '#lib/contracts';

export function unknownImport(id: string): FleetseedError {
  const text = `There is no import ${id.slice(0, 64)} under way.`;
  return new FleetseedError('IMPORT_NOT_FOUND', text, { import: id.slice(0, 64) });
}
