const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes for people, decimal units and three digits: `999 B`, `1.23 kB`, `12.3 GB`, `123 TB`. */
export function bytesText(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  let size = Math.abs(bytes);
  let unit = 0;
  // 999.5 would be rounded to a fourth digit.
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  const sign = bytes < 0 ? '−' : '';
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return `${sign}${size.toFixed(digits)} ${UNITS[unit]}`;
}

/** The exact number, for titles and for those who check: `1 234 567 B`. */
export function exactBytes(bytes: number): string {
  const digits = String(Math.abs(bytes)).replaceAll(/\B(?=(?:\d{3})+$)/g, ' ');
  return `${bytes < 0 ? '−' : ''}${digits} B`;
}

export function rateText(bytesPerSecond: number): string {
  return bytesPerSecond > 0 ? `${bytesText(bytesPerSecond)}/s` : '–';
}

/**
 * A share of 0 to 1 as percent with one decimal. Never 100 % or 0 % by rounding: what is not done
 * must not look done.
 */
export function percentText(share: number): string {
  if (!Number.isFinite(share)) return '–';
  if (share >= 1) return '100 %';
  if (share <= 0) return '0 %';
  const tenths = Math.min(999, Math.max(1, Math.round(share * 1000)));
  return `${(tenths / 10).toFixed(1)} %`;
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** How long ago, in the largest unit that fits: `12 s ago`, `3 h ago`. */
export function agoText(atMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** How long something takes, in its two largest units: `0.4 s`, `2 min 5 s`, `3 h 10 min`. */
export function spanText(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** Date and time in the viewer's zone, sortable by eye: `2026-11-22 14:05:09`. */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The head of a hash, enough to tell a few apart. */
export function shortHash(hash: string): string {
  return hash.slice(0, 10);
}
