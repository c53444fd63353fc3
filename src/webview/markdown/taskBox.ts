/** Of a task in a list: to be read, not to be ticked. */
export function checkbox(isDone: boolean): HTMLInputElement {
  const element = document.createElement('input');
  element.type = 'checkbox';
  element.disabled = true;
  // As an attribute, so that a copy of the element has it too.
  element.toggleAttribute('checked', isDone);
  element.setAttribute('aria-label', isDone ? 'done' : 'to do');
  return element;
}
