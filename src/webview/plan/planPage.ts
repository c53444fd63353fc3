import type { PlanPageMessage } from '../../protocol/planMessages.ts';
import type { PlanState } from '../../protocol/planState.ts';
import { element, setClass, setText } from '../dom.ts';
import { Alternatives } from './alternatives.ts';
import type { Chooser } from './chooser.ts';
import { CommandBox } from './commandBox.ts';
import { ContextSlider } from './contextSlider.ts';
import { Explanation } from './explanation.ts';
import { MemoryBar } from './memoryBar.ts';
import { ModelChooser } from './modelChooser.ts';
import { PartsTable } from './partsTable.ts';
import { Switches } from './switches.ts';
import { Headline } from './headline.ts';

export type Post = (message: PlanPageMessage) => void;

/**
 * All parts of the page. What is above the slider, and the slider itself, has the same height whatever the plan says, so that nothing moves away from under
 * a pointer that drags it.
 */
export class PlanPage {
  readonly #page = element('main', { class: 'plan' });
  readonly #models: ModelChooser;
  readonly #switches: Switches;
  readonly #headline = new Headline();
  readonly #bar = new MemoryBar();
  readonly #slider: ContextSlider;
  readonly #explanation: Explanation;
  readonly #alternatives: Alternatives;
  readonly #command: CommandBox;
  readonly #table = new PartsTable();
  readonly #plan = element('div', { class: 'plan-body' });
  readonly #hint = element('p', { class: 'plan-hint dim' });
  readonly #announcer = element('div', { class: 'visually-hidden', attributes: { role: 'status' } });

  #announced = '';

  constructor(root: HTMLElement, chooser: Chooser, post: Post) {
    this.#models = new ModelChooser(chooser, post);
    this.#switches = new Switches(chooser);
    this.#slider = new ContextSlider(chooser);
    this.#explanation = new Explanation(() => {
      post({ type: 'forgetMeasured' });
      // The button goes.
      this.#headline.focus();
    });
    this.#alternatives = new Alternatives((id) => {
      chooser.takeAlternative(id);
      // The proposal may not be there any more when it was taken.
      this.#headline.focus();
    });
    this.#command = new CommandBox(chooser, post, (text) => setText(this.#announcer, text));
    const picture = element('section', { class: 'picture', attributes: { 'aria-label': 'Memory' } });
    picture.append(this.#headline.element, this.#bar.element, this.#slider.element);
    const doing = element('div', { class: 'plan-doing' }, this.#command.element, this.#alternatives.element);
    const knowing = element('div', { class: 'plan-knowing' }, this.#table.element);
    this.#plan.append(picture, this.#explanation.element, element('div', { class: 'plan-columns' }, doing, knowing));
    const title = element('h1', { class: 'visually-hidden', text: 'Plan a model' });
    this.#page.append(title, this.#models.element, this.#switches.element, this.#hint, this.#plan, this.#announcer);
    this.#page.hidden = true;
    root.append(this.#page);
  }

  update({ models, controls, plan, curve, alternatives }: PlanState): void {
    const { model } = controls;
    this.#models.update(models, controls);
    this.#switches.update(controls);
    this.#slider.update(controls, plan, curve);
    this.#hint.hidden = model.state !== 'none';
    setText(this.#hint, 'Choose a model: what it takes of the GPU is shown here before anything is loaded.');
    this.#plan.hidden = plan === null;
    setClass(this.#plan, 'waiting', model.state === 'reading');
    if (plan) {
      this.#headline.update(plan);
      this.#bar.update(plan);
      this.#explanation.update(plan);
      this.#command.update(plan.command, controls.flags);
      this.#table.update(plan);
      // A screen reader hears where the slider is by itself; this is what came of it.
      if (plan.headline !== this.#announced) setText(this.#announcer, plan.headline);
      this.#announced = plan.headline;
    }
    this.#alternatives.update(alternatives);
    this.#page.hidden = false;
  }
}
