// What goes to the origin, to be loaded at once and only by verbs that do: it is half of what a verb needs.
export { Connection } from './connection.js';
export { OriginApi } from './origin-api.js';
