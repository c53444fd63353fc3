import assert from 'node:assert/strict';
import { offerFrom, previewFrom, refusalText } from '../../../../src/core/edit/offer.ts';
import { editCorpus } from '../../../support/editCorpus.ts';

describe('The corpus of answers', () => {
  const corpus = editCorpus();
  const outcomes = corpus.map((one) => ({ ...one, offer: offerFrom(one.answer, one.request, true) }));

  it('is large', () => {
    const count = (type: string) => corpus.filter(({ expected }) => expected.type === type).length;
    assert.ok(count('edit') >= 150 && count('refused') >= 150, `${count('edit')} edits, ${count('refused')} others`);
  });

  it('gives the code that each answer means, in at least 98 of 100', () => {
    const meant = outcomes.filter(({ expected }) => expected.type === 'edit');
    const missed = meant.filter(
      ({ offer, expected }) =>
        offer.type !== 'edit' || expected.type !== 'edit' || offer.lines.join('\n') !== expected.lines.join('\n'),
    );
    const list = missed.map(({ title, offer }) => `${title}: ${offer.type}`).join('\n');
    assert.ok(missed.length <= meant.length * 0.02, `${missed.length} of ${meant.length}:\n${list}`);
  });

  it('offers nothing that would destroy code', () => {
    const offered = outcomes.filter(({ expected, offer }) => expected.type !== 'edit' && offer.type === 'edit');
    assert.deepEqual(
      offered.map(({ title }) => title),
      [],
    );
  });

  it('says why, in a sentence', () => {
    for (const { title, offer } of outcomes) {
      if (offer.type === 'refused') assert.match(refusalText(offer.why), /^(The answer|Change \d+) .*\.$/, title);
    }
  });

  it('shows what comes, however little of it is there, and at the end what is offered', () => {
    for (const { answer, request, offer } of outcomes) {
      for (let end = 0; end < answer.length; end += 7) previewFrom(answer.slice(0, end), request);
      // JSON says nothing before its end.
      if (offer.type === 'edit' && !answer.startsWith('{')) {
        const preview = previewFrom(`${answer}\n`, request);
        assert.ok(
          offer.lines.every((line) => preview.includes(line)),
          answer,
        );
      }
    }
  });

  it('is read the same with other line ends', () => {
    for (const { title, answer, request, offer } of outcomes) {
      assert.deepEqual(offerFrom(answer.replaceAll('\n', '\r\n'), request, true), offer, title);
    }
  });

  it('offers of an answer that was stopped only what is certain of it', () => {
    for (const { title, answer, request, expected } of outcomes) {
      if (expected.type !== 'edit') continue;
      for (let end = 0; end < answer.length; end += 11) {
        const offer = offerFrom(answer.slice(0, end), request, false);
        if (offer.type !== 'edit') continue;
        const lost: readonly string[] = request.lines.filter(
          (line) => expected.lines.includes(line) && !offer.lines.includes(line),
        );
        assert.deepEqual(lost, [], `${title}, after ${end}`);
        const invented: readonly string[] = offer.lines.filter(
          (line) => !request.lines.includes(line) && !expected.lines.includes(line),
        );
        assert.deepEqual(invented, [], `${title}, after ${end}`);
      }
    }
  });
});
