/** `@leasehold/core/testing`: helpers for the tests of applications. */
export { atMostFlights, type Flight, flightsText, recordFlights, type Recording } from './record-flights.ts'
export { type JournalEntry, RecordingDriver, type Script } from './recording-driver.ts'
export { type ArgumentsOf, checkRepository, type Finding, type Samples } from './check-repository.ts'
export {
  type Answering,
  type Answers,
  type Call,
  refusal,
  type Reply,
  type ResultParts,
} from '../interpreter/scripted-answers.ts'
