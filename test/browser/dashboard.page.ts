import { chromium, type Browser, type Locator, type Page } from 'playwright-core';

/** Debian's Chromium; no network but loopback is needed, so what calls home is off. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The dashboard as somebody at a screen uses it: by roles and words. */
export class DashboardPage {
  /** What the browser complained of: errors of scripts, and what the content policy forbade. */
  readonly complaints: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly url: string,
  ) {
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      // A refused request is told by the page itself; the browser's line says nothing more.
      const refused = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !refused) this.complaints.push(message.text());
    });
  }

  static async open(browser: Browser, url: string, width = 1280): Promise<DashboardPage> {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const dashboard = new DashboardPage(page, url);
    await page.goto(`${url}/`);
    return dashboard;
  }

  get token(): Locator {
    return this.page.getByLabel('Token');
  }

  get ratio(): Locator {
    return this.page.getByTestId('ratio');
  }

  get logOutButton(): Locator {
    return this.page.getByRole('button', { name: 'Log out' });
  }

  /** With the keyboard alone. */
  async logIn(token: string): Promise<void> {
    await this.token.fill(token);
    await this.token.press('Enter');
  }

  async visit(section: 'Savings' | 'Agents' | 'Releases' | 'Swarms' | 'Jobs'): Promise<void> {
    await this.page.getByRole('link', { name: section, exact: true }).click();
  }

  async visitAddress(hash: string): Promise<void> {
    await this.page.goto(`${this.url}/#/${hash}`);
  }

  /** The row of a table whose header cell has this text. */
  row(table: string, header: string): Locator {
    const rows = this.page.getByRole('table', { name: table }).getByRole('row');
    return rows.filter({ has: this.page.getByRole('rowheader', { name: header, exact: true }) });
  }

  async rowCount(table: string): Promise<number> {
    return this.page.getByRole('table', { name: table }).getByRole('rowheader').count();
  }

  /** The exact bytes behind the figure of a place, which itself shows three digits. */
  async bytesOf(place: Locator): Promise<number> {
    return Number(await place.locator('[data-bytes]').first().getAttribute('data-bytes'));
  }

  /** Whether something must be scrolled sideways to be seen. */
  async isTooWide(): Promise<boolean> {
    const script = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    return this.page.evaluate<boolean>(script);
  }

  /** @throws when the browser complained of anything on the way. */
  async close(): Promise<void> {
    await this.page.context().close();
    if (this.complaints.length > 0) throw new Error(this.complaints.join('\n'));
  }
}

interface Pixels {
  readonly data: Uint8ClampedArray;
}
interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): Pixels };
}

export interface Picture {
  /** Pixels with a strong colour. */
  readonly coloured: number;
  /** Of twelve sectors of the colour circle, how many have a hundred such pixels or more. */
  readonly hues: number;
  /** Of all pixels: two pictures that differ have different ones. */
  readonly fingerprint: number;
}

/** Looks at what is really on the canvas. */
export function lookAt(canvas: Locator): Promise<Picture> {
  return canvas.evaluate((node) => {
    const element = node as unknown as Canvas;
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    const sectors = Array.from({ length: 12 }, () => 0);
    let coloured = 0;
    let fingerprint = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [r, g, b, alpha] = [data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!];
      fingerprint = (Math.imul(fingerprint, 31) + r + 3 * g + 7 * b) | 0;
      const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
      if (alpha < 200 || most - least < 90) continue;
      coloured++;
      const spread = most - least;
      const turn =
        most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
      sectors[Math.floor(((turn + 6) % 6) * 2)]!++;
    }
    return { coloured, hues: sectors.filter((each) => each >= 100).length, fingerprint };
  });
}
