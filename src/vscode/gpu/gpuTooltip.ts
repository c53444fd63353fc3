import * as vscode from 'vscode';
import {
  elsewhere,
  loadedUse,
  memoryUse,
  pagingAlarm,
  processUse,
  readingLine,
  sensors,
  spillAlarm,
  type GpuSnapshot,
} from '../../core/gpu/gpuText.ts';

/** What names there are comes from drivers and servers: it is text, never markup. */
export function gpuTooltip(snapshot: GpuSnapshot): vscode.MarkdownString {
  const { reading, server, fittingTokens } = snapshot;
  const markdown = new vscode.MarkdownString('', true);
  const line = (text: string) => markdown.appendText(text).appendMarkdown('  \n');
  if (reading.state !== 'gpus') line(readingLine(reading));
  for (const gpu of reading.state === 'gpus' ? reading.gpus : []) {
    markdown.appendMarkdown('**').appendText(gpu.name).appendMarkdown('**  \n');
    const driver = gpu.driverVersion === undefined ? '' : `driver ${gpu.driverVersion}`;
    for (const text of [
      memoryUse(gpu),
      pagingAlarm(gpu),
      processUse(gpu),
      [sensors(gpu), driver].filter(Boolean).join(', '),
    ])
      if (text) line(text);
    markdown.appendMarkdown('\n');
  }
  if (server) {
    markdown.appendMarkdown('\n---\n\n**').appendText(server.backend).appendMarkdown('** ');
    line(server.models.length > 0 ? 'has loaded' : (server.problem ?? 'has no model loaded.'));
    for (const model of server.models) {
      line([model.id, loadedUse(model)].filter(Boolean).join(': '));
      const alarm = spillAlarm(model, fittingTokens?.get(model.id));
      if (alarm) {
        markdown.appendMarkdown('$(warning) ');
        line(alarm);
      }
    }
    const note = elsewhere(snapshot);
    if (note) {
      markdown.appendMarkdown('$(info) ');
      line(note);
    }
  }
  const time = new Date(reading.readAtMs).toLocaleTimeString();
  return markdown.appendMarkdown(`\n---\n\nRead at ${time}. Click for more.`);
}
