import type { AnswerView, PanelState } from './panelState.ts';

/**
 * To the panel. Each change has the number after the one before it; a panel that misses one asks for a snapshot with `ready`. When no more comes, `check` asks
 * whether it has the last one. Nothing is posted to a hidden panel: one that is shown again begins with `ready` too.
 */
export type HostMessage =
  | { readonly type: 'snapshot'; readonly revision: number; readonly state: PanelState }
  /** More of an answer: appended to what it has. */
  | {
      readonly type: 'append';
      readonly revision: number;
      readonly answerId: string;
      readonly text: string;
      readonly reasoning: string;
    }
  /** One answer anew, for what `append` does not carry: its state, its facts. */
  | { readonly type: 'answer'; readonly revision: number; readonly answer: AnswerView }
  /** Whole parts of the state anew. `null` where there is none any more: messages travel as JSON, which drops what is undefined. */
  | {
      readonly type: 'change';
      readonly revision: number;
      readonly part: { readonly [Part in keyof PanelState]?: PanelState[Part] | null };
    }
  /** Nothing was posted for a while. A panel that has this revision says so with `has`; it is asked until it does, or asks for a snapshot. */
  | { readonly type: 'check'; readonly lastRevision: number }
  /** What follows `@` and can be attached; an answer to `mention`. */
  | { readonly type: 'mentions'; readonly query: string; readonly items: readonly MentionView[] }
  /** Not a state: something to do once. */
  | { readonly type: 'focus'; readonly what: 'composer' | 'lastAnswer' }
  /** Replaces what is in the composer: a draft that is put back, a question to be edited. */
  | { readonly type: 'setDraft'; readonly text: string };

export interface MentionView {
  readonly id: string;
  /** `@file src/app.ts` */
  readonly label: string;
  readonly detail: string;
}

/** From the panel. What a person did; the host decides what becomes of it. */
export type PanelMessage =
  /** The panel is there and has this revision; 0: nothing. */
  | { readonly type: 'ready'; readonly revision: number }
  /** An answer to `check`. */
  | { readonly type: 'has'; readonly revision: number }
  /** What is typed, of the conversation that was shown when it was typed: another may be shown meanwhile. */
  | { readonly type: 'draft'; readonly conversationId: string; readonly text: string }
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'stop' }
  | { readonly type: 'continue'; readonly answerId: string }
  | { readonly type: 'retry'; readonly answerId: string; readonly otherModel: boolean }
  | { readonly type: 'edit'; readonly questionId: string; readonly text: string }
  /** The branch that leads to this message. */
  | { readonly type: 'show'; readonly messageId: string }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'insert'; readonly text: string }
  | { readonly type: 'newFile'; readonly text: string; readonly language: string }
  /** Where it belongs, as a diff. `info`: what stands behind the fence, which may name a file, as may the rest of the answer. */
  | { readonly type: 'apply'; readonly answerId: string; readonly text: string; readonly info: string }
  /** All that the answer changes, file by file. */
  | { readonly type: 'reviewFiles'; readonly answerId: string }
  | { readonly type: 'openLink'; readonly href: string }
  | { readonly type: 'problemButton'; readonly answerId: string; readonly buttonId: string }
  | { readonly type: 'noticeButton' }
  | { readonly type: 'dismissNotice' }
  | { readonly type: 'mention'; readonly query: string }
  | { readonly type: 'attachMention'; readonly mentionId: string }
  /** Pasted or dropped. `base64` of the bytes. */
  | { readonly type: 'attachData'; readonly name: string; readonly mediaType: string; readonly base64: string }
  /** Dropped from the explorer or an editor. */
  | { readonly type: 'attachUris'; readonly uris: readonly string[] }
  | { readonly type: 'removeAttachment'; readonly attachmentId: string }
  /** Of the composer, or of a question that was sent. */
  | { readonly type: 'openAttachment'; readonly attachmentId: string }
  | { readonly type: 'applyProposal'; readonly proposalId: string }
  | { readonly type: 'pickModel' }
  | { readonly type: 'foundButton'; readonly buttonId: string }
  /** Its text goes behind what is typed, and what it is about is attached. */
  | { readonly type: 'useSuggestion'; readonly text: string }
  | { readonly type: 'newConversation' }
  | { readonly type: 'openList' }
  | { readonly type: 'closeList' }
  | { readonly type: 'search'; readonly query: string }
  | { readonly type: 'openConversation'; readonly id: string }
  | { readonly type: 'rename'; readonly id: string; readonly title: string }
  | { readonly type: 'pin'; readonly id: string; readonly pinned: boolean }
  | { readonly type: 'export'; readonly id: string }
  | { readonly type: 'delete'; readonly id: string }
  | { readonly type: 'undoDelete'; readonly id: string };

export type MessageOf<Type extends PanelMessage['type']> = Extract<PanelMessage, { readonly type: Type }>;

type Shape = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'strings'>>;

const shapes: { readonly [Type in PanelMessage['type']]: Shape } = {
  ready: { revision: 'number' },
  has: { revision: 'number' },
  draft: { conversationId: 'string', text: 'string' },
  send: { text: 'string' },
  stop: {},
  continue: { answerId: 'string' },
  retry: { answerId: 'string', otherModel: 'boolean' },
  edit: { questionId: 'string', text: 'string' },
  show: { messageId: 'string' },
  copy: { text: 'string' },
  insert: { text: 'string' },
  newFile: { text: 'string', language: 'string' },
  apply: { answerId: 'string', text: 'string', info: 'string' },
  reviewFiles: { answerId: 'string' },
  openLink: { href: 'string' },
  problemButton: { answerId: 'string', buttonId: 'string' },
  noticeButton: {},
  dismissNotice: {},
  mention: { query: 'string' },
  attachMention: { mentionId: 'string' },
  attachData: { name: 'string', mediaType: 'string', base64: 'string' },
  attachUris: { uris: 'strings' },
  removeAttachment: { attachmentId: 'string' },
  openAttachment: { attachmentId: 'string' },
  applyProposal: { proposalId: 'string' },
  pickModel: {},
  foundButton: { buttonId: 'string' },
  useSuggestion: { text: 'string' },
  newConversation: {},
  openList: {},
  closeList: {},
  search: { query: 'string' },
  openConversation: { id: 'string' },
  rename: { id: 'string', title: 'string' },
  pin: { id: 'string', pinned: 'boolean' },
  export: { id: 'string' },
  delete: { id: 'string' },
  undoDelete: { id: 'string' },
};

/** Undefined for anything that is not exactly one of the messages: a page can be made to post whatever somebody likes. */
export function parsePanelMessage(data: unknown): PanelMessage | undefined {
  if (typeof data !== 'object' || data === null || !('type' in data) || typeof data.type !== 'string') return undefined;
  if (!Object.hasOwn(shapes, data.type)) return undefined;
  const shape = shapes[data.type as PanelMessage['type']];
  const fields = data as Readonly<Record<string, unknown>>;
  if (Object.keys(fields).length !== Object.keys(shape).length + 1) return undefined;
  const fits = Object.entries(shape).every(([name, type]) => {
    const value = fields[name];
    if (type === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
    return typeof value === type;
  });
  return fits ? (data as PanelMessage) : undefined;
}
