import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { ResumeFile } from './resume-file.js';

describe('ResumeFile', () => {
  const infoHashV2 = Buffer.alloc(32, 7);
  let folder: string;
  let path: string;
  let clock: VirtualClock;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-resume-'));
    path = join(folder, 'resume');
    clock = new VirtualClock();
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  function resumeFile(hash = infoHashV2): ResumeFile {
    return new ResumeFile({ path, infoHashV2: hash, clock, logger: silentLogger });
  }

  it('gives back what was saved', async () => {
    const verified = new Bitfield(13);
    verified.setRange(3, 8);
    const resume = resumeFile();
    resume.changed(verified);
    await resume.close();
    expect([...(await resumeFile().load(13)).indices()]).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await readdir(folder)).toEqual(['resume']);
  });

  it('writes at its pace, and then what is known by then', async () => {
    const verified = new Bitfield(8);
    const resume = resumeFile();
    verified.set(0);
    resume.changed(verified);
    clock.advance(499);
    await resume.load(8);
    expect(await readdir(folder)).toEqual([]);
    verified.set(1);
    resume.changed(verified);
    clock.advance(1);
    await resume.flush();
    expect([...(await resume.load(8)).indices()]).toEqual([0, 1]);
  });

  it('claims nothing when the file is damaged, foreign, of another size or lacking', async () => {
    const resume = resumeFile();
    expect((await resume.load(8)).none).toBe(true);
    resume.changed(Bitfield.full(8));
    await resume.close();
    expect((await resumeFile(Buffer.alloc(32, 8)).load(8)).none).toBe(true);
    expect((await resume.load(9)).none).toBe(true);
    const bytes = await readFile(path);
    bytes[40]! ^= 1;
    await writeFile(path, bytes);
    expect((await resume.load(8)).none).toBe(true);
    await writeFile(path, '');
    expect((await resume.load(8)).none).toBe(true);
  });

  it('does not stop a download when it cannot be written', async () => {
    await rm(folder, { recursive: true });
    const resume = resumeFile();
    resume.changed(Bitfield.full(8));
    await resume.close();
    expect((await resume.load(8)).none).toBe(true);
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-resume-'));
  });

  it('is gone when it was removed', async () => {
    const resume = resumeFile();
    resume.changed(Bitfield.full(8));
    await resume.flush();
    resume.changed(Bitfield.full(8));
    await resume.remove();
    clock.advance(10_000);
    expect(await readdir(folder)).toEqual([]);
  });
});
