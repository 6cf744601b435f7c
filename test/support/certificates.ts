import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own and a certificate of it for 127.0.0.1 and localhost, made by openssl. */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string) => join(folder, name);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = ['-x509', '-days', '2', '-subj', '/CN=Test authority'];
  openssl(...newKey, ...authority, '-keyout', at('ca.key'), '-out', at('ca.pem'));
  openssl(...newKey, '-subj', '/CN=localhost', '-keyout', at('tls.key'), '-out', at('tls.csr'));
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
  const sign = ['x509', '-req', '-days', '2', '-in', at('tls.csr'), '-extfile', at('names')];
  openssl(...sign, ...signer, '-out', at('tls.pem'));
  return { ca: at('ca.pem'), cert: at('tls.pem'), key: at('tls.key') };
}
