import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StepServer } from '../test/support/stepServer.ts';
import { figure, median, printTable, progress } from './support/figures.ts';
import { panelKinds, PanelWindow } from './support/panelWindow.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'a2ia-bench-'));
const server = await StepServer.start();
progress('opening');
const window = await PanelWindow.open(folder, { 'a2ia.backend': 'vllm', 'a2ia.vllmUrl': server.url });
try {
  for (let i = 0; i < 3; i++) {
    for (const kind of panelKinds) {
      console.log('first', kind, await window.openView(kind));
      await window.hideView();
      for (let k = 0; k < 4; k++) { console.log('later', kind, await window.openView(kind)); await window.hideView(); }
      await window.reload();
    }
  }
} catch (e) { await window.page.screenshot({path: '/tmp/panel-fail.png'}); throw e; } finally {
  await window.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
