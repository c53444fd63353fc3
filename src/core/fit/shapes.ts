import { denseShapes } from './shapes/denseShapes.ts';
import { expertShapes } from './shapes/expertShapes.ts';
import { mixedShapes } from './shapes/mixedShapes.ts';
import type { Shape } from './shapes/shapeKinds.ts';

export const shapes: readonly Shape[] = [...denseShapes, ...expertShapes, ...mixedShapes];
