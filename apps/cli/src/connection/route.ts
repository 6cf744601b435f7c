/** Builds a path of the API: what is filled in is encoded and stays one component. */
export function route(texts: TemplateStringsArray, ...names: readonly (string | number)[]): string {
  return texts.reduce(
    (path, text, index) => `${path}${encodeURIComponent(String(names[index - 1]))}${text}`,
  );
}
