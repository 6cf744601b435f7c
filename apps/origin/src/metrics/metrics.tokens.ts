/** Injection token of the prom-client `Registry`. */
export const METRICS = Symbol('Metrics');
