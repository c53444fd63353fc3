import assert from 'node:assert/strict';
import { pathMessages } from '../../../../src/core/chat/promptMessages.ts';
import { askMessages, defaultSystemPrompt } from '../../../../src/core/chat/prompts.ts';
import { conversationOf, imageAttachment, textAttachment } from '../../../support/conversations.ts';

describe('pathMessages', () => {
  it('has the same first question as A2IA: Ask, byte for byte', () => {
    const file = textAttachment('app', 'let a;\n');
    const draft = { text: 'Why?', attachments: [file] };
    const context = [{ label: 'app.ts', languageId: 'typescript', text: 'let a;\n' }];
    assert.deepEqual(pathMessages(conversationOf(), [], '', draft), askMessages('Why?', context, ''));
  });

  it('sends answers without their reasoning', () => {
    const conversation = conversationOf({ question: 'Q', answer: 'A', reasoning: 'hm' });
    assert.deepEqual(pathMessages(conversation, conversation.path(), 'Be brief.', { text: 'And?', attachments: [] }), [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Q' },
      { role: 'assistant', text: 'A' },
      { role: 'user', text: 'And?' },
    ]);
  });

  it('begins with the bytes of the request before it, turn after turn', () => {
    const exchanges = [
      { question: 'one', attachments: [textAttachment('f', 'text `````\n')], answer: ' 1\n' },
      { question: 'two', answer: '' },
      { question: 'three', attachments: [imageAttachment('i')], answer: '3' },
      { question: 'four', answer: '4' },
    ];
    let before = '';
    for (let count = 1; count <= exchanges.length; count++) {
      const conversation = conversationOf(...exchanges.slice(0, count));
      const path = conversation.path().slice(0, -1);
      const texts = pathMessages(conversation, path, '').map(({ role, text }) => `${role} ${text}`);
      assert.ok(texts.join('\n').startsWith(before), `request ${count} changed what was sent already`);
      before = texts.join('\n');
    }
    assert.ok(before.length > 100);
  });

  it('lets user and assistant take turns: an answer without text joins its question to the next', () => {
    const conversation = conversationOf(
      { question: 'first', attachments: [imageAttachment('i')], answer: '  ' },
      { question: 'second' },
    );
    const draft = { text: 'third', attachments: [imageAttachment('j')] };
    const image = { mediaType: 'image/png', base64: 'AAAA' };
    assert.deepEqual(pathMessages(conversation, conversation.path(), 's', draft), [
      { role: 'system', text: 's' },
      { role: 'user', text: 'first\n\nsecond\n\nthird', images: [image, image] },
    ]);
  });

  it('leaves out what the user agreed to leave out, an answer with its question, and says where an attachment is missing', () => {
    const conversation = conversationOf(
      { question: 'old', answer: 'old answer' },
      { question: 'Q', attachments: [textAttachment('f', 'secret'), imageAttachment('i')], answer: 'A' },
    );
    conversation.apply({ type: 'leaveOut', ids: ['q1', 'f', 'i'] });
    assert.deepEqual(pathMessages(conversation, conversation.path(), ''), [
      { role: 'system', text: defaultSystemPrompt },
      { role: 'user', text: 'f.ts: left out.\n\ni.png: left out.\n\nQ' },
      { role: 'assistant', text: 'A' },
    ]);
  });

  it('adds nothing for an empty draft', () => {
    assert.equal(pathMessages(conversationOf(), [], '', { text: '', attachments: [] }).length, 1);
  });
});
