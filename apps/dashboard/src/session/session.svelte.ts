import { ApiClient } from '../api/api.client.js';
import { ApiError } from '../api/api.error.js';

/** Kept for this tab only, and gone with it. */
const STORAGE_KEY = 'fleetseed.token';
/** What a header may carry; fetch would throw a puzzling TypeError for anything else. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

export interface WhoAmI {
  readonly name: string;
  readonly scopes: readonly string[];
}

/** Who looks at the dashboard, and the client that speaks with their token. */
class Session {
  #token = $state<string | null>(sessionStorage.getItem(STORAGE_KEY));
  #who = $state.raw<WhoAmI | null>(null);
  /** Why somebody who was logged in must log in again. */
  #notice = $state<string | null>(null);

  readonly api = new ApiClient({
    token: () => this.#token,
    refused: () => this.#refused(),
  });

  get loggedIn(): boolean {
    return this.#token !== null;
  }

  get who(): WhoAmI | null {
    return this.#who;
  }

  get notice(): string | null {
    return this.#notice;
  }

  /** Keeps the token if the origin knows it. @throws ApiError saying what is wrong with it. */
  async logIn(text: string, signal: AbortSignal): Promise<void> {
    const token = text.trim();
    if (!TOKEN.test(token)) {
      throw new ApiError(
        'TOKEN_MALFORMED',
        0,
        'That is not a token: it is one line without spaces.',
      );
    }
    const api = new ApiClient({ token: () => token, refused: () => {} });
    this.#who = await api.get<WhoAmI>('whoami', signal);
    this.#notice = null;
    this.#token = token;
    sessionStorage.setItem(STORAGE_KEY, token);
  }

  /** Asks who the token belongs to after the page was loaded again. */
  async resume(signal: AbortSignal): Promise<void> {
    if (this.#token !== null) this.#who = await this.api.get<WhoAmI>('whoami', signal);
  }

  logOut(): void {
    this.#forget();
    this.#notice = null;
  }

  #refused(): void {
    this.#forget();
    this.#notice = 'The origin does not take your token any more: it expired or was revoked.';
  }

  #forget(): void {
    sessionStorage.removeItem(STORAGE_KEY);
    this.#token = null;
    this.#who = null;
  }
}

export const session = new Session();
