/** What imports did in this process since it began. */
export class ImportCounters {
  /** That came from sources, also of what was not kept. */
  bytes = 0;
  /** Sources that broke off and were asked again. */
  breaks = 0;
}
