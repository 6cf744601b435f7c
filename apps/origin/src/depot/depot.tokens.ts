/** Injection token of the `OpenedDepot` that the depot came with. */
export const OPENED_DEPOT = Symbol('OpenedDepot');

/** Injection token of the `Depot` of #lib/depot. */
export const DEPOT = Symbol('Depot');
