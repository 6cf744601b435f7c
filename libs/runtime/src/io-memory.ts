/**
 * How far in from the beginning of its memory a buffer begins. The allocator puts large memory 16 bytes
 * behind the beginning of a page, and the system's cache of files holds pages. Processors whose kernels
 * copy by `rep movsb` need three times as long for a copy whose target begins 1 to 31 bytes further
 * into its page than its source (AMD Zen 3: reads of 1 MiB cost 0.43 instead of 0.14 CPU-s/GB).
 */
const OFF_THE_PAGE = 48;

/** Memory that files are read into, or written from, in large parts. Its content is undefined. */
export function ioBuffer(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length + OFF_THE_PAGE).subarray(OFF_THE_PAGE);
}

/** Like {@link ioBuffer}, in memory that threads share; zeros. */
export function sharedIoBytes(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length + OFF_THE_PAGE), OFF_THE_PAGE, length);
}
