/** Injection token of the `Depot` of #lib/depot. */
export const DEPOT = Symbol('Depot');
