import type { ChosenModelView, ControlsView, ModelsView } from '../../protocol/planState.ts';
import { button, element, setClass, setText } from '../dom.ts';
import { iconButton } from '../icons.ts';
import type { Chooser } from './chooser.ts';
import { ModelBox } from './modelBox.ts';
import type { Post } from './planPage.ts';

/** Which model, and which others: one that guesses ahead for it, and one that is loaded at the same time. */
export class ModelChooser {
  readonly element = element('section', { class: 'model-chooser', attributes: { 'aria-label': 'Model' } });
  readonly #model: ModelBox;
  readonly #detail = element('p', { class: 'model-detail dim' });
  readonly #others = element('div', { class: 'other-models' });
  readonly #draft: OtherModel;
  readonly #beside: OtherModel;

  constructor(chooser: Chooser, post: Post) {
    this.#model = new ModelBox({
      id: 'model',
      label: 'Model',
      placeholder: 'Choose a model, or paste the address of a GGUF file',
      choose: (modelId) => chooser.choose({ modelId }),
      open: (address) => post({ type: 'openAddress', address }),
    });
    const file = button({ class: 'text-button', text: 'Model file…' }, () => post({ type: 'openFile' }));
    const again = iconButton('retry', 'Look for models and GPUs again', () => post({ type: 'lookAgain' }));
    this.#draft = new OtherModel('draft', 'Draft model', (draftId) => chooser.choose({ draftId }));
    this.#beside = new OtherModel('beside', 'Second model at the same time', (besideId) =>
      chooser.choose({ besideId }),
    );
    this.#others.append(this.#beside.element, this.#draft.element);
    const row = element('div', { class: 'model-row' }, this.#model.element, file, again);
    this.element.append(row, this.#detail, this.#others);
  }

  update(models: ModelsView, { model, draft, beside, choice }: ControlsView): void {
    this.#model.update(models, model.name, choice.modelId);
    setText(this.#detail, model.detail);
    setClass(this.#detail, 'failed', model.state === 'failed');
    this.#others.hidden = model.state === 'none';
    this.#draft.element.hidden = draft === null;
    if (draft) this.#draft.update(models, draft, choice.draftId);
    this.#beside.update(models, beside, choice.besideId);
  }
}

/** None, until somebody chooses one. */
class OtherModel {
  readonly element = element('div', { class: 'field other-model' });
  readonly #box: ModelBox;
  readonly #remove: HTMLElement;
  readonly #problem = element('p', { class: 'model-detail failed' });

  constructor(id: string, label: string, choose: (modelId: string) => void) {
    this.#box = new ModelBox({ id, label, placeholder: 'None', choose });
    this.#remove = iconButton('close', `No ${label.toLowerCase()}`, () => {
      choose('');
      // The button goes.
      this.#box.focus();
    });
    const title = element('span', { class: 'field-title', text: label, attributes: { 'aria-hidden': 'true' } });
    this.element.append(title, element('div', { class: 'model-row' }, this.#box.element, this.#remove), this.#problem);
  }

  update(models: ModelsView, { state, name, detail }: ChosenModelView, chosenId: string | undefined): void {
    this.#box.update(models, name, chosenId);
    this.#remove.hidden = state === 'none';
    this.#problem.hidden = state !== 'failed';
    setText(this.#problem, state === 'failed' ? detail : '');
  }
}
