/** `@leasehold/core/ambient`: units that code finds by its asynchronous context, for code that is handed no `q`. */
export { ambient, type AmbientOptions, type AmbientUnit, type AmbientUnits, type Nesting } from './ambient.ts'
