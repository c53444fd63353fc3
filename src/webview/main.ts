import type { PanelMessage } from '../protocol/messages.ts';

declare function acquireVsCodeApi(): { postMessage(message: PanelMessage): void };

acquireVsCodeApi().postMessage({ type: 'ready', revision: 0 });
