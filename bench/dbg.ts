import http from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StepServer } from '../test/support/stepServer.ts';
import { noteInput } from './support/panelProbe.ts';
import { PanelWindow } from './support/panelWindow.ts';
const nowMs = () => performance.timeOrigin + performance.now();
let log: [string, number][] = [];
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (this: any, ev: any, ...a: any[]) { if (ev === 'request') log.push([a[0].url, nowMs()]); if (ev === 'connection') log.push(['connection', nowMs()]); return emit.call(this, ev, ...a); } as any;
const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const server = await StepServer.start();
const w = await PanelWindow.open(folder, { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url, ...(process.argv[2] ? {'a2ia.models': {vllm: 'step-model'}} : {}) });
try {
  await w.openView('A2IA');
  const frame = await w.frame();
  await frame.evaluate(noteInput);
  const input = frame.getByRole('textbox', { name: 'Question' });
  const all: number[] = [];
  for (let i = 0; i < 25; i++) {
    await input.pressSequentially('What is a closure? Tell me ', { delay: 20 });
    log = [];
    const next = server.nextChat();
    await input.press('Enter');
    const ex = await next;
    const t = await frame.evaluate(() => window.inputAtMs ?? NaN);
    console.log(log.map(([u, at]) => `${u.replace('/v1/','')} ${(at - t).toFixed(1)}`).join('  '));
    all.push(log.find(([u]) => u.includes('completions'))![1] - t);
    ex.text('A function and its scope. '.repeat(10)); ex.finish();
    await frame.getByRole('button', { name: 'Send (Enter)' }).waitFor();
  }
  all.sort((a,b)=>a-b); console.log('median', all[12], 'min', all[0], 'p25', all[6]);
} finally {
  await w.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
