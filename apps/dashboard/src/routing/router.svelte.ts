import { parseRoute, type Route } from './route.js';

/** Follows the address bar. */
class Router {
  #route = $state.raw<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.#route = parseRoute(location.hash)));
  }

  get route(): Route {
    return this.#route;
  }
}

export const router = new Router();
